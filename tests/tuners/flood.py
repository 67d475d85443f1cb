"""A tuner that answers well, with so many blanks behind it, in MiB, as its argument says."""

import json
import sys

asked = json.load(sys.stdin)
print(json.dumps({"proposals": [{"parameter": name, "change": 1} for name in asked["parameters"]]}))
for _ in range(int(sys.argv[1])):
    sys.stdout.write(" " * 1024**2)
