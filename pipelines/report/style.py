"""The report's style sheet: no font, image or rule is loaded from anywhere."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --page: #f7f6f3; --card: #fff; --ink: #1c1b19; --soft: #66635c;
  --line: #e0ded7; --kept: #2a78d6; --dropped: #e8843c; --lost: #8a3ffc; --pale: #c9d8ea;
  --bad: #c22f2f; }
@media (prefers-color-scheme: dark) { :root { --page: #161614; --card: #1f1f1d; --ink: #ecebe7;
  --soft: #a3a09a; --line: #35342f; --kept: #4d94e8; --dropped: #e08a4a; --lost: #a97bff;
  --pale: #33465c; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .2rem 0 .4rem; }
h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
h3 { font-size: .95rem; margin: 1.2rem 0 .5rem; }
p { margin: .3rem 0 .8rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.2rem; margin-top: 1rem; }
.soft, .edges, .ends, .top { color: var(--soft); }
.soft { font-size: .88rem; }
code, pre, .id { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .84em; }
pre { white-space: pre-wrap; margin: .5rem 0 0; padding: .7rem .8rem; background: var(--page);
  border-radius: 6px; max-height: 22rem; overflow: auto; unicode-bidi: isolate; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .8rem;
  margin-top: 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .7rem .9rem; }
.tile b { display: block; white-space: nowrap; font-size: 1.35rem; font-weight: 600; }
.tile span { color: var(--soft); font-size: .82rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .82rem; }
th, td { overflow-wrap: break-word; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
td.id { white-space: nowrap; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.barred { width: 34%; min-width: 6rem; padding-right: 0; }
.name { min-width: 6.5rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; }
.bar { height: 12px; border-radius: 3px; overflow: hidden; }
.funnel .bar { height: 20px; margin: .2rem 0; }
.funnel li { list-style: none; margin: 0 0 .9rem; }
.funnel { margin: 0; padding: 0; }
.histogram { height: 150px; }
.curve { height: 190px; border-left: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.edges { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr);
  font-size: .68rem; overflow-wrap: normal; }
.ends { display: flex; justify-content: space-between; }
.ends, .top { font-size: .78rem; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0 1.6rem; }
rect.kept { fill: var(--kept); } rect.dropped { fill: var(--dropped); }
rect.quarantined { fill: var(--lost); } rect.measured { fill: var(--pale); }
polyline { fill: none; stroke: var(--kept); stroke-width: 2; }
.key { display: inline-block; width: .75em; height: .75em; border-radius: 2px;
  margin: 0 .35em 0 .9em; }
.key:first-child { margin-left: 0; }
.key.kept { background: var(--kept); } .key.dropped { background: var(--dropped); }
.key.quarantined { background: var(--lost); } .key.measured { background: var(--pale); }
.bad { color: var(--bad); font-weight: 600; }
details { border-top: 1px solid var(--line); padding: .55rem 0; }
summary { cursor: pointer; }
summary b { font-weight: 600; }
@media (max-width: 480px) { section { padding: .9rem .8rem; } main { padding: 1rem .6rem 3rem; }
  th, td { overflow-wrap: break-word; padding-right: .5rem; } td.barred { min-width: 4rem; } }
@media print { section { break-inside: avoid; } }
"""
