import hashlib
import json

print(json.dumps({"h": hashlib.sha256(b"x").hexdigest()[:4]}))
