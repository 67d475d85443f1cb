"""A tuner that moves every parameter at random, by up to half its range; its argument is a seed."""

import json
import random
import sys

asked = json.load(sys.stdin)
chance = random.Random(f"{sys.argv[1]}/{asked['iteration']}")
proposals = []
for name, told in asked["parameters"].items():
    reach = (told["max"] - told["min"]) / 2
    if chance.random() < 0.5:
        proposals.append({"parameter": name, "change": chance.uniform(-reach, reach), "because": "a whim"})
    else:
        target = chance.uniform(told["min"] - reach, told["max"] + reach)
        proposals.append({"parameter": name, "target": target, "because": "a whim"})
json.dump({"state_hash": asked["state_hash"], "proposals": proposals}, sys.stdout)
