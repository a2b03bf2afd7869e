//! Record what datamap-rs, which made Dolma 3, says of texts.
//!
//! In a checkout of github.com/allenai/datamap-rs with unicode-segmentation 1.12.0, of its time:
//!
//!     cp peer_rules_datamap.rs examples/rules.rs
//!     cargo run --example rules -- lid.176.ftz TEXTS.jsonl RECORD.jsonl
//!
//! `tests/benchmarks/peer_rules_datamap.py` makes the recorded arrays of RECORD.jsonl. Each of its
//! lines holds a text's decisions by filter, its repetition, the CRC-32 of what the line modifiers
//! leave, and what the MADLAD annotator counts.
use anyhow::Error;
use datamap_rs::map_fxn::{
    AlphabeticWordRatioFilter, BulletFilter, DataProcessor, EllipsisLineRatioFilter, LineLenModifier,
    Madlad400RuleFilter, Madlad400SentenceAnnotator, MassiveWebRepetitionFilter, NewlineRemovalModifier,
    PageLenFilter, RatioLineModifier, RegexLineModifier, StopWordFilter, SubstringLineModifier,
    SymbolRatioFilter, WordCountAdder, WordLenFilter, WordRemovalRatioFilter,
};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use unicode_segmentation::UnicodeSegmentation;

const COUNTER: &str = r"^\W*\d(?:,|\.|\d)*(?:K|k|M|m|B|b)?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers)\W*";

fn passes<P: DataProcessor>(processor: &P, text: &str) -> bool {
    processor.process(json!({"text": text})).unwrap().is_some()
}

fn apply<P: DataProcessor>(processor: &P, page: Option<Value>) -> Option<Value> {
    page.and_then(|page| processor.process(page).unwrap())
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= *byte as u32;
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB88320 } else { crc >> 1 };
        }
    }
    !crc
}

fn text_of(page: &Option<Value>) -> String {
    page.as_ref().map_or(String::new(), |page| page["text"].as_str().unwrap().to_string())
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let (model, documents, record) = (&arguments[1], &arguments[2], &arguments[3]);
    let chars = PageLenFilter::new(&json!({"length_type": "char", "lower_bound": 150, "ignore_punctuation": false}))?;
    let words = PageLenFilter::new(&json!({"length_type": "word", "lower_bound": 50, "upper_bound": 100000, "ignore_punctuation": true}))?;
    let lengths = WordLenFilter::new(&json!({"lower_bound": 3, "upper_bound": 10}))?;
    let symbols = SymbolRatioFilter::new(&json!({"max_symbol_to_word_ratio": 0.1}))?;
    let bullets = BulletFilter::new(&json!({"max_bullet_ratio": 0.9}))?;
    let ellipses = EllipsisLineRatioFilter::new(&json!({"max_ratio": 0.3}))?;
    let letters = AlphabeticWordRatioFilter::new(&json!({"max_ratio": 0.2}))?;
    let stop_words = StopWordFilter::new(&json!({"count_unique": false, "min_stop_word": 2}))?;
    let newlines = NewlineRemovalModifier::new(&json!({"max_consecutive": 2}))?;
    let repetition = MassiveWebRepetitionFilter::new(&json!({}))?;
    let counter = WordCountAdder::new(&json!({"word_count_field": "original_word_count"}))?;
    let uppercase = RatioLineModifier::new(&json!({"upper_bound": 0.5, "check": "uppercase"}))?;
    let numeric = RatioLineModifier::new(&json!({"upper_bound": 0.999999, "check": "numeric"}))?;
    let counters = RegexLineModifier::new(&json!({"regex_string": COUNTER}))?;
    let short = LineLenModifier::new(&json!({"lower_bound": 2}))?;
    let cart = SubstringLineModifier::new(&json!({"banlist": "items in cart", "max_length": 10, "remove_substring_only": true}))?;
    let more = SubstringLineModifier::new(&json!({"banlist": "Read more...", "max_length": 10, "remove_substring_only": true, "location": "suffix"}))?;
    let sign = SubstringLineModifier::new(&json!({"banlist": "Sign-in", "max_length": 10, "remove_substring_only": true, "location": "prefix"}))?;
    let removal = WordRemovalRatioFilter::new(&json!({"word_count_field": "original_word_count", "upper_bound": 0.05}))?;
    let annotator = Madlad400SentenceAnnotator::new(&json!({
        "fast_text_file": model, "langid_field": "lang",
        "cursed_regex_file": "banlists/madlad400_cursed.txt.gz", "rules_to_include": [2, 3, 4, 5]}))?;
    let selected = Madlad400SentenceAnnotator::new(&json!({
        "fast_text_file": model, "langid_field": "lang",
        "cursed_regex_file": "banlists/madlad400_cursed.txt.gz", "rules_to_include": [2, 5]}))?;
    let rules = Madlad400RuleFilter::new(&json!({"remove_too_short": true, "rules_to_remove": [[2, 5]]}))?;
    let rules_by_default = Madlad400RuleFilter::new(&json!({"rules_to_remove": [[2, 5]]}))?;

    let mut out = BufWriter::new(File::create(record)?);
    for line in BufReader::new(File::open(documents)?).lines() {
        let document = serde_json::from_str::<Value>(&line?)?;
        let text = document["text"].as_str().unwrap().to_string();
        let mut kept = vec![
            passes(&chars, &text), passes(&words, &text), passes(&lengths, &text), passes(&symbols, &text),
            passes(&bullets, &text), passes(&ellipses, &text), passes(&letters, &text), passes(&stop_words, &text),
        ];
        let page = newlines.process(json!({"text": text}))?;
        let collapsed = text_of(&page);
        kept.push(passes(&repetition, &collapsed));
        let page = apply(&counter, page);
        let word_count = page.as_ref().unwrap()["original_word_count"].clone();
        let mut page = apply(&short, apply(&counters, apply(&numeric, apply(&uppercase, page))));
        page = apply(&sign, apply(&more, apply(&cart, page)));
        kept.push(apply(&removal, page.clone()).is_some());
        let page = apply(&newlines, page);
        let left = text_of(&page);
        let mut by_rule = (true, true);
        if page.is_some() {
            let annotated = selected.process(json!({"text": left, "lang": {"__label__en": 1.0}}))?.unwrap();
            by_rule.0 = rules_by_default.process(annotated.clone())?.is_some();
            by_rule.1 = rules.process(annotated)?.is_some();
        }
        kept.extend([by_rule.0, by_rule.1]);

        let lines: Vec<&str> = collapsed.split('\n').filter(|part| part.len() > 0).collect();
        let paragraphs: Vec<&str> = collapsed.split("\n\n").filter(|part| part.len() > 0).collect();
        let segments: Vec<&str> = collapsed.unicode_words().collect();
        let mut fractions = Vec::new();
        for (elements, order, weighted) in [(&lines, 1, false), (&paragraphs, 1, false), (&lines, 1, true), (&paragraphs, 1, true)] {
            fractions.push(MassiveWebRepetitionFilter::_rep_counter_fraction(elements, order, weighted)?);
        }
        for order in 2..11 {
            fractions.push(MassiveWebRepetitionFilter::_rep_counter_fraction(&segments, order, true)?);
        }

        let annotated = annotator.process(json!({"text": text, "lang": {"__label__en": 1.0}}))?.unwrap();
        writeln!(out, "{}", json!({
            "digest": document["digest"], "kept": kept, "word_count": word_count, "left": crc32(left.as_bytes()),
            "fractions": fractions, "status": annotated["metadata"]["madlad_status"], "madlad": annotated["metadata"]["madlad"],
        }))?;
    }
    Ok(())
}
