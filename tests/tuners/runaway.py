"""A tuner that wants every parameter ever further up, or with the argument ``target`` at once beyond its bounds."""

import json
import sys

asked = json.load(sys.stdin)
proposals = []
for name, told in asked["parameters"].items():
    far = (told["max"] - told["min"]) * 10 ** min(asked["iteration"], 100)
    if sys.argv[1:] == ["target"]:
        proposals.append({"parameter": name, "target": told["max"] + far, "because": "more"})
    else:
        proposals.append({"parameter": name, "change": far, "because": "more"})
json.dump({"state_hash": asked["state_hash"], "proposals": proposals}, sys.stdout)
