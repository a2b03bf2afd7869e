"""Personal data kind by kind: golden cases, every row of the tables, labelled sentences."""

import json
import random
from collections import Counter

import pyarrow as pa
import pytest
import real_texts
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import pii, pii_accounts, pii_checksums, pii_national_ids
from gristmill.cleaning.pii_secrets import is_random, measure_entropy


def found(text, kind):
    (spans,) = pii.find_spans(pa.array([text], pa.string())).to_pylist()
    return [text[span["start"] : span["end"]] for span in spans if span["kind"] == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reach us: +1-888-361-5030 or (415) 861-5449.", ["+1-888-361-5030", "(415) 861-5449"]),
        ("800.226.7529 | 877/860-2904 | 1-800-637-3181", ["800.226.7529", "877/860-2904", "1-800-637-3181"]),
        ("call 818-376-8488 x320 now", ["818-376-8488 x320"]),
        ("+44 (0)20 7089 4700, +49 (0) 89 388 884 280", ["+44 (0)20 7089 4700", "+49 (0) 89 388 884 280"]),
        ("dial 001-253-366-9781", ["001-253-366-9781"]),
        ("+49 30 901820 2024", ["+49 30 901820 2024"]),
        ("+44 20 7946 0958 2024 edition", ["+44 20 7946 0958"]),
        ("Tel.: 030 / 901820, 0171 1234567", ["030 / 901820", "0171 1234567"]),
        ("par téléphone au 03 59 55 40 40", ["03 59 55 40 40"]),
        ("服务电话：010-82197168 转", ["010-82197168"]),
        ("Phone:\n467 3395\n", ["467 3395"]),
        ("432 03 163 mobile, (37) 788-063-Office", ["432 03 163", "(37) 788-063"]),
        ("MA 02142 617-253-1000, PA 15801 814-375-4700 (866) 761-6071 1-800-637-3181", ["617-253-1000", "814-375-4700", "(866) 761-6071", "1-800-637-3181"]),
        ("• 918-205-4492Broken Arrow, 918-205-4492BR, 1234 918-205-44921", ["918-205-4492"]),
        ("Mobile: 0712 345678 or 0722 345678", ["0712 345678", "0722 345678"]),
        ("03 59 55 40 40 and 020 7946 0958 and 1234567", []),
        ("2021-03-04 12:30, 04.05.2021, 1990-2000, 12/31/1999", []),
        ("Call 2021-03-04 or 1990-2000", []),
        ("ISBN 978-0-306-40615-7, ISSN 1234-5678, v123.456.7890", []),
        ("$212-555-0123, 212-555-0123.5, /212-555-0123/, 212-555-01234, id=2125550123", []),
        ("123-456-7890, 212-123-4567, 012-345-6789", []),
        ("+12 345 678, +1 123 456 7890, +999 1234 5678", []),
        ("* Phone\n* 1462351", []),
    ],
)  # fmt: skip
def test_phones(text, expected):
    assert found(text, "phone") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111 1111 1111 1111 and 3782-822463-10005", ["4111 1111 1111 1111", "3782-822463-10005"]),
        ("5555-5555-5555-4444 12/25", ["5555-5555-5555-4444"]),
        ("card 4111111111111111; visa 4222222222222", ["4111111111111111", "4222222222222"]),
        ("信用卡 6011111111111117", ["6011111111111117"]),
        ("4111111111111111", []),  # nothing says what it is
        ("4111 1111 1111 1112, card 4111111111111112", []),  # check digit
        ("9111 1111 1111 1113 and 0000 0000 0000 0000", []),  # issuer
        ("4111 1111 1111 1111 1111", []),
        ("card id=4111111111111111, card 4111111111111111.5", []),
    ],
)
def test_cards(text, expected):
    assert found(text, "card") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GB82 WEST 1234 5698 7654 32.", ["GB82 WEST 1234 5698 7654 32"]),
        ("ES91 2100 0418 4502 0005 1332 BANK", ["ES91 2100 0418 4502 0005 1332"]),
        (
            "IBAN:NO9386011117947 and gb82west12345698765432",
            ["NO9386011117947", "gb82west12345698765432"],
        ),
        ("GB83 WEST 1234 5698 7654 32", []),
        ("XX82WEST12345698765432, GB82WEST123456987654321", []),
        ("gb82 west 1234 5698 7654 32", []),
    ],
)
def test_ibans(text, expected):
    assert found(text, "iban") == expected


@given(
    st.sampled_from(sorted(pii_accounts.IBAN_LENGTHS.items())), st.integers(0, 10**36), st.data()
)
def test_an_iban_is_found_and_one_changed_digit_is_not(country_length, number, data):
    country, length = country_length
    digits = str(number).zfill(length)[-(length - 4) :]
    check = 98 - int((digits + country + "00").translate(pii_checksums._LETTER_VALUES)) % 97
    iban = f"{country}{check:02d}{digits}"
    assert found(f"pay to {iban}, please", "iban") == [iban]
    place = data.draw(st.integers(4, length - 1))
    changed = iban[:place] + str((int(iban[place]) + 1) % 10) + iban[place + 1 :]
    assert found(f"pay to {changed}, please", "iban") == []


@given(st.integers(0, 10**14), st.integers(0, 14))
def test_luhn_detects_a_changed_digit(number, place):
    body = str(number)
    valid = [body + digit for digit in "0123456789" if pii_checksums.has_luhn(body + digit)]
    assert len(valid) == 1
    place %= len(body)
    changed = body[:place] + str((int(body[place]) + 1) % 10) + valid[0][place + 1 :]
    assert not pii_checksums.has_luhn(changed)


@given(st.integers(10**9, 10**12), st.data())
def test_verhoeff_detects_a_changed_digit_and_a_swap(number, data):
    body = str(number)
    (valid,) = [body + digit for digit in "0123456789" if pii_checksums.has_verhoeff(body + digit)]
    place = data.draw(st.integers(0, len(valid) - 2))
    swapped = valid[:place] + valid[place + 1] + valid[place] + valid[place + 2 :]
    assert pii_checksums.has_verhoeff(swapped) == (swapped == valid)
    changed = valid[:place] + str((int(valid[place]) + 3) % 10) + valid[place + 1 :]
    assert not pii_checksums.has_verhoeff(changed)


#: By country: what stands before, and a number of it that its office or standard gives as an
#: example or that was made up to fit.
EXAMPLES = {
    "US": ("SSN", "078-05-1120"), "CA": ("social insurance number", "123-456-782"), "MX": ("", "BOXW310820HNERXN09"),
    "BR": ("", "390.533.447-05"), "CL": ("", "12.531.909-2"), "GB": ("", "AB 12 34 56 C"),
    "DE": ("Steuer-ID", "36574261809"), "FR": ("", "2 95 10 99 126 111 93"), "ES": ("DNI", "54362315K"),
    "IT": ("", "RSSMRA85T10A562S"), "NL": ("BSN", "111222333"), "BE": ("", "85.07.30-033.28"), "PL": ("PESEL", "44051401359"),
    "SE": ("personnummer", "811218-9876"), "FI": ("hetu", "131052-308T"), "DK": ("CPR", "211062-5629"),
    "NO": ("fødselsnummer", "15108695088"), "CH": ("", "756.9217.0769.85"), "PT": ("NIF", "123456789"),
    "RU": ("", "112-233-445 95"), "TR": ("TC kimlik no", "17291716060"), "IN": ("Aadhaar", "2341 2341 2346"),
    "CN": ("", "11010519491231002X"), "KR": ("주민등록번호", "971013-9019902"), "JP": ("マイナンバー", "1234 5678 9018"),
    "HK": ("", "A123456(3)"), "SG": ("NRIC", "S1234567D"), "TW": ("身分證", "A123456789"),
    "ZA": ("ID number", "8001015009087"), "AU": ("TFN", "123 456 782"), "IL": ("ת.ז", "123456782"),
}  # fmt: skip


def test_every_country_has_an_example():
    assert set(EXAMPLES) == {row.country for row in pii_national_ids.NATIONAL_IDS}


@pytest.mark.parametrize("country", EXAMPLES)
def test_national_ids(country):
    words, number = EXAMPLES[country]
    if country == "KR":
        number = "971013-1019902"
    assert found(f"{words} {number}, and on", "national_id") == [number]
    assert found(f"{words} {number}7 and 5{number}", "national_id") == []
    if words:
        assert found(f"nothing {number}, and on", "national_id") == []


@pytest.mark.parametrize(
    "row",
    [row for row in pii_national_ids.NATIONAL_IDS if not row.words],
    ids=lambda row: row.shapes[0],
)
def test_numbers_that_need_no_word_are_rarely_met_by_chance(row):
    """Of random numbers of the shape, few pass: or else pages full of numbers would be."""
    draw = random.Random(17)
    signs = {"9": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    passed = 0
    for _ in range(2000):
        number = "".join(draw.choice(signs.get(sign, sign)) for sign in row.shapes[0])
        plain = number.translate(str.maketrans("", "", " .-/()"))
        passed += pii_national_ids._LETTERED.fullmatch(number) is not None or row.country != "GB"
        passed -= not (row.country == "GB" or row.accept(plain)) and row.country != "GB"
    assert passed <= 2000 / (2.2 if row.country == "GB" else 8)


@given(st.sampled_from(pii_national_ids.NATIONAL_IDS), st.integers(0, 10**20))
def test_checks_are_total_on_digits(row, number):
    shape = row.shapes[0].translate(str.maketrans("", "", " .-/()+"))
    digits = iter(str(number).zfill(21)[::-1])
    number = "".join(next(digits) if sign == "9" else "A" for sign in shape)
    if row.country not in ("ES", "SG"):  # which start with one of a few letters
        assert row.accept(number) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my driver's license number is F162823540116", ["F162823540116"]),
        ("Passport No. 123456789.", ["123456789"]),
        ("ISBN-139780544103054, tracking 999999999, 123-45-6789", []),
        ("SSN 666-45-6789, SSN 123-00-6789, SSN 000-12-3456, SSN 123-45-0000", []),
        ("CNPJ 83.102.459/0001-23 or 83.102.459/0001-24", ["83.102.459/0001-23"]),
    ],
)
def test_other_ids(text, expected):
    assert found(text, "national_id") == expected


SLACK = "https://" + "hooks.slack.com/services/" + "T00000000/B11111111/a1B2c3D4e5F6g7H8i9J0k1L2"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AKIAIOSFODNN7ABCDEFG AKIAIOSFODNN7EXAMPLE", ["AKIAIOSFODNN7ABCDEFG"]),
        ("xAKIAIOSFODNN7ABCDEFG ghp_" + "a" * 36, []),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", ["sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"]),
        ("key=" + "AIza" + "SyA1234567890abcdefghijklmnopqrstuv", ["AIza" + "SyA1234567890abcdefghijklmnopqrstuv"]),
        (SLACK, [SLACK.removeprefix("https://")]),
        (f"Authorization: {JWT}", [JWT]),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpX.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0", []),
        ('config["api_key"] = "aB3dE5fG7hI9jK1lM3nO"', ["aB3dE5fG7hI9jK1lM3nO"]),
        ("PASSWORD: 9f86d081884c7d659a2feaa0c55ad015", ["9f86d081884c7d659a2feaa0c55ad015"]),
        ("api_key = your-api-key-goes-here-12 and token: aaaaaaaaaaaaaaaaaaa11", []),
        ("secret: supercalifragilistic and the 9f86d081884c7d659a2feaa0c55ad015 digest", []),
        ("password = settings2.get_password_from3.environ()", []),
    ],
)  # fmt: skip
def test_secrets(text, expected):
    assert found(text, "secret") == expected


KEY = """> -----BEGIN RSA PRIVATE KEY-----
> Proc-Type: 4,ENCRYPTED
>
> MIIEpAIBAAKCAQEAn1xJpDnTtQZbHkPUZ0c2x4o0uGJg7bXKZk3
> Zk3b==
> -----END RSA PRIVATE KEY-----
"""


def test_keys_are_redacted_line_by_line():
    text = f"before\n{KEY}after\nMIIEpAIBAAKCAQEAn1xJpDnTtQZbHkPUZ0c2x4o0uGJg7bXKZk3\n"
    (spans,) = pii.find_spans(pa.array([text])).to_pylist()
    assert pii.redact(text, spans) == (
        "before\n> [SECRET]\n> [SECRET]\n>\n> [SECRET]\n> [SECRET]\n> [SECRET]\n"
        "after\nMIIEpAIBAAKCAQEAn1xJpDnTtQZbHkPUZ0c2x4o0uGJg7bXKZk3\n"
    )


def test_a_key_on_one_line_ends_where_it_ends():
    key = (
        r"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nabc=\n-----END PRIVATE KEY-----"
    )
    assert found(f'"key": "{key}\\n", and prose', "secret") == [key]
    assert found("-----BEGIN PRIVATE KEY----- and prose", "secret") == [
        "-----BEGIN PRIVATE KEY-----"
    ]


@given(st.text(min_size=1))
def test_entropy_is_between_none_and_that_of_different_characters(text):
    assert (
        -1e-9
        <= measure_entropy(text)
        <= measure_entropy("".join(map(chr, range(len(text))))) + 1e-9
    )


def test_most_random_values_are_random():
    """Of keys drawn from letters and digits, or from hexadecimal digits, 99 % are seen."""
    draw = random.Random(3)
    for signs, length in (
        ("0123456789abcdef", 32),
        ("abcdefghijkmnpqrstuvwxyzABCDEFGH0123456789", 24),
    ):
        values = ["".join(draw.choice(signs) for _ in range(length)) for _ in range(1000)]
        assert sum(map(is_random, values)) >= 985


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pay 1BoatSLRHtKNngkdXEeobR76b53LETtpyT", ["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"]),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.", ["3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"]),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyU", []),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", ["bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"]),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp", []),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            ["bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"],
        ),
        ("0x52908400098527886E0F7030069857D2E4169EE7", ["0x52908400098527886E0F7030069857D2E4169EE7"]),
        ("0x" + "0" * 40, []),
        ("0x52908400098527886E0F7030069857D2E4169EE7aa", []),
    ],
)  # fmt: skip
def test_wallets(text, expected):
    assert found(text, "crypto_wallet") == expected


LABELS = {
    "EMAIL_ADDRESS": ("email", 49, 49),
    "IP_ADDRESS": ("ipv4", 14, 13),  # one is IPv6 that nobody can be given
    "CREDIT_CARD": ("card", 136, 127),  # nine start as no issuer's cards do
    "IBAN_CODE": ("iban", 21, 21),
    "US_SSN": ("national_id", 16, 16),
    "US_DRIVER_LICENSE": ("national_id", 5, 5),
    "PHONE_NUMBER": ("phone", 92, 76),  # sixteen national ones have no word beside them
}


def read_sentences(shared_data):
    (path,) = shared_data("pii-presidio-research").rglob("synth_dataset_v2.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_labelled_sentences(shared_data):
    """Each span that is found is one that is labelled, from its first to its last letter."""
    sentences = read_sentences(shared_data)
    labelled = {
        (number, span["start_position"], span["end_position"]): span["entity_type"]
        for number, sentence in enumerate(sentences)
        for span in sentence["spans"]
    }
    spans = pii.find_spans(pa.array([sentence["full_text"] for sentence in sentences])).to_pylist()
    hits = dict.fromkeys(LABELS, 0)
    for number, row in enumerate(spans):
        for span in row:
            label = labelled[number, span["start"], span["end"]]
            assert LABELS[label][0] == span["kind"]
            hits[label] += 1
    for label, (_, total, expected) in LABELS.items():
        assert list(labelled.values()).count(label) == total
        assert hits[label] == expected


def test_real_pages_show_no_numbers_of_kinds_that_pages_do_not_print(shared_data):
    """On 7,000 real texts: what is found of rare kinds is what a person has read and agreed to."""
    labelled = {sentence["full_text"] for sentence in read_sentences(shared_data)}
    texts = [text for text in real_texts.load_texts() if text not in labelled]
    spans = pii.find_spans(pa.array(texts, pa.string())).to_pylist()
    counts = Counter(span["kind"] for row in spans for span in row)
    assert len(texts) > 5_000
    rare = ("iban", "card", "national_id", "crypto_wallet", "ipv6")
    assert {kind: counts[kind] for kind in rare} == dict.fromkeys(rare, 0)
    # Three times a test key in a manual, and a token in a link.
    assert counts["secret"] == 4
    assert counts["ipv4"] <= 8 and counts["phone"] > 100 and counts["email"] > 300
