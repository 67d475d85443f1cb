"""A tuner whose answer is wrong in the way that its argument names; ``each`` takes them in turn, by the iteration."""

import json
import sys

asked = json.load(sys.stdin)
name = next(iter(asked["parameters"]))
good = {"parameter": name, "change": 1}
LIES = {
    "stale": json.dumps({"state_hash": "f" * 64, "proposals": [good]}),
    "text": json.dumps({"proposals": [good, {"parameter": name, "change": "+5"}]}),
    "both": json.dumps({"proposals": [good, {"parameter": name, "change": 1, "target": 1}]}),
    "neither": json.dumps({"proposals": [good, {"parameter": name}]}),
    "unknown": json.dumps({"proposals": [good, {"parameter": f"{name}x", "change": 1}]}),
    "nan": json.dumps({"proposals": [good, {"parameter": name, "change": float("nan")}]}),
    "duplicate": f'{{"proposals": [{json.dumps(good)}], "proposals": []}}',
    "prose": "I think that it should be a bit more.",
    "chatter": "asked...\n" + json.dumps({"proposals": [good]}),
    "many": json.dumps({"proposals": [good] * 101}),
    "list": json.dumps([good]),
    "deep": "[" * 5000 + "]" * 5000,
    "half": json.dumps({"proposals": [good]})[:-2],
}
lie = sys.argv[1]
if lie == "each":
    lie = list(LIES)[asked["iteration"] % len(LIES)]
print(LIES[lie])
