#!/usr/bin/env python3
"""An include that climbs a floor, or crosses one, is found; one that goes down is not."""
import importlib.util
import pathlib

spec = importlib.util.spec_from_file_location("includes", pathlib.Path(__file__).with_name("includes.py"))
includes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(includes)

ALLOWED = [
    ("libattest/tpm/quote.cpp", "libattest/tpm/quote.h"),
    ("libattest/cose/cose_sign1.h", "libattest/crypto/digest.h"),
    ("libattest/appraisal/appraise.cpp", "libattest/tpm/quote.h"),
    ("cli/gate.cpp", "inference/answer/receipt.h"),
    ("verifierd/api.cpp", "libattest/http/server.h"),
]
REFUSED = [
    ("libattest/tpm/quote.cpp", "libattest/appraisal/appraise.h"),
    ("libattest/tpm/quote.cpp", "libattest/model/gguf.h"),
    ("libattest/crypto/digest.cpp", "libattest/cose/cose_sign1.h"),
    ("libattest/tpm/quote.cpp", "libattest/http/client.h"),
    ("verifierd/api.cpp", "agentd/attester.h"),
    ("cli/node.cpp", "verifierd/api.h"),
    ("libattest/http/client.cpp", "ledger/log.h"),
    ("cli/gate.cpp", "report.h"),
]
for source, included in ALLOWED:
    assert includes.complaint(source, included) is None, (source, included)
for source, included in REFUSED:
    assert includes.complaint(source, included) is not None, (source, included)
print(f"{len(ALLOWED) + len(REFUSED)} includes judged rightly")
