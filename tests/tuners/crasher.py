"""A tuner that answers well and then dies in the way that its argument names: ``exit``, ``error`` or ``kill``."""

import json
import os
import signal
import sys

asked = json.load(sys.stdin)
proposals = [{"parameter": name, "change": 1} for name in asked["parameters"]]
print(json.dumps({"proposals": proposals}), flush=True)
if sys.argv[1] == "exit":
    sys.exit(3)
elif sys.argv[1] == "error":
    raise RuntimeError("it went wrong")
elif sys.platform == "win32":
    os._exit(0xC0000005 - 2**32)  # an access violation
else:
    os.kill(os.getpid(), signal.SIGKILL)
