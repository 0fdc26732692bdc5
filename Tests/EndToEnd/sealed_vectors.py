"""Makes `schemas/vectors/sealed-credentials.json`: credentials that open, sealed by several implementations, and changed ones that do not.

    .venv/bin/python Tests/EndToEnd/sealed_vectors.py

Whatever pyhpke seals here, it seals with ephemeral keys that follow from the vector's name, so that running it again gives the same bytes;
`test_sealing.py` does. Those of the worker (`keys seal`, which is swift-crypto) and of `deploy/portal/seal.mjs` are new each time.
"""

import copy
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import tempfile

import pyhpke

import contract
import portal as portals
from processes import BIN_DIR, plain_environment

FILE = contract.SCHEMAS / "vectors" / "sealed-credentials.json"
SEAL_MJS = contract.ROOT / "deploy" / "portal" / "seal.mjs"
KEM, KDF, AEAD = pyhpke.KEMId, pyhpke.KDFId, pyhpke.AEADId
AES_256 = portals.SUITE
NOT_AFTER = "2100-01-01T00:00:00Z"

WORKPLACE = {"jobId": "0193b0a2-7c1e-7d0a-9a44-0f3b1c2d4e5f", "tenant": "msp-4711", "product": "workplace"}
FILE_PROTECTION = {**WORKPLACE, "product": "fileProtection"}
PLAIN = {"username": "api-1@demo.example", "secret": "correct horse battery staple"}
ODD = {"username": 'Ü"ser\\@demo.example', "secret": "é:;%\"\\/ \U0001f511\t\x01\x1f\x7f\u2028'", "integrationCode": "Tenant-Code-\u00a7{}"}
LONG = {"username": "u" * 1024, "secret": "é" * 512, "integrationCode": "c" * 1024}


def private_key(name):
    """A key that everybody may know: it is the SHA-256 of its name."""
    return AES_256.kem.deserialize_private_key(hashlib.sha256(f"autotask-worker test vector: {name}".encode()).digest())


def public_bytes(key):
    return key.raw.public_key().public_bytes_raw()


def recipient(key_id):
    key = private_key(key_id)
    return {
        "keyId": key_id,
        "kem": "X25519",
        "publicKey": portals.base64url(public_bytes(key)),
        "notAfter": NOT_AFTER,
        "privateKey": portals.base64url(key.raw.private_bytes_raw()),
    }


RECIPIENTS = [recipient("portal-2026-11-22"), recipient("portal-2025-10-18")]


# Sealing


def authenticated(job):
    return f"{job['jobId']}|{job['tenant']}|{job['product']}"


def sealed(name, job, plaintext, key_id, suite=AES_256, info=portals.INFO, recipient_key=None, message=0, **mode):
    """What pyhpke seals, with an ephemeral key that follows from the name."""
    public = AES_256.kem.deserialize_public_key(public_bytes(private_key(recipient_key or key_id)))
    ephemeral = suite.kem.derive_key_pair(hashlib.sha256(f"ephemeral: {name}".encode()).digest())
    enc, sender = suite.create_sender_context(public, info, eks=ephemeral, **mode)
    for _ in range(message + 1):
        ciphertext = sender.seal(plaintext.encode(), aad=authenticated(job).encode())
    return {"keyId": key_id, "enc": portals.base64url(enc), "ciphertext": portals.base64url(ciphertext)}


def good(name, sealed_by, job, plaintext, credentials):
    return {
        "name": name,
        "sealedBy": sealed_by,
        **job,
        "aad": authenticated(job),
        "plaintext": plaintext,
        "opened": json.loads(plaintext),
        "credentials": credentials,
    }


def by_pyhpke():
    newest, former = (key["keyId"] for key in RECIPIENTS)
    odd_job = {"jobId": "A.b_c:d-9", "tenant": "0_tenant-Z", "product": "workplace"}
    for name, job, value, key_id, ascii_only in [
        ("plain", WORKPLACE, PLAIN, newest, False),
        ("odd characters, with a tracking identifier", FILE_PROTECTION, ODD, newest, False),
        ("odd characters, all of them escaped", WORKPLACE, ODD, newest, True),
        ("the longest values that a worker takes", WORKPLACE, LONG, newest, False),
        ("every kind of character in id and tenant", odd_job, PLAIN, newest, False),
        ("to a former key", WORKPLACE, PLAIN, former, False),
    ]:
        plaintext = json.dumps(value, ensure_ascii=ascii_only)
        yield good(f"pyhpke: {name}", "pyhpke", job, plaintext, sealed(name, job, plaintext, key_id))


def opened(job, credentials):
    """The plaintext, as pyhpke opens it."""
    enc, ciphertext = (portals.from_base64url(credentials[name]) for name in ("enc", "ciphertext"))
    context = AES_256.create_recipient_context(enc, private_key(credentials["keyId"]), portals.INFO)
    return context.open(ciphertext, aad=authenticated(job).encode()).decode()


def seal_by_worker(document, job, value):
    """The worker's `keys seal`: swift-crypto."""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "keys").write_text(json.dumps(document))
        (directory / "secret").write_bytes(value["secret"].encode())
        arguments = ["--username", value["username"], "--secret-file", directory / "secret", "--portal-keys", directory / "keys"]
        if "integrationCode" in value:
            (directory / "code").write_bytes(value["integrationCode"].encode())
            arguments += ["--integration-code-file", directory / "code"]
        program = [BIN_DIR / "autotask-worker", "keys", "seal", "--tenant", job["tenant"], "--id", job["jobId"], "--product", job["product"]]
        return run([*program, *arguments])


def seal_by(program, document, job, value):
    """A snippet of `deploy/portal`."""
    arguments = ["--job-id", job["jobId"], "--tenant", job["tenant"], "--product", job["product"]]
    return run([*program, *arguments], json.dumps({**document, "credentials": value}))


def result_of(command, text=""):
    return subprocess.run(command, input=text.encode(), env=plain_environment(), capture_output=True, timeout=60, check=False)


def run(command, text=""):
    result = result_of(command, text)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def by_others():
    document = {"keys": [{name: value for name, value in key.items() if name != "privateKey"} for key in RECIPIENTS]}
    hands = [
        ("swift-crypto", lambda job, value: seal_by_worker(document, job, value)),
        ("node:crypto", lambda job, value: seal_by(["node", SEAL_MJS], document, job, value)),
    ]
    for hand, seal in hands:
        for name, job, value in [
            ("plain", WORKPLACE, PLAIN),
            ("odd characters, with a tracking identifier", FILE_PROTECTION, ODD),
            ("the longest values that a worker takes", WORKPLACE, LONG),
        ]:
            credentials = seal(job, value)
            plaintext = opened(job, credentials)
            assert json.loads(plaintext) == value
            yield good(f"{hand}: {name}", hand, job, plaintext, credentials)


# What does not open


def derived(vector, change, code="decryption_failed", job=None, **credentials):
    result = {"of": vector["name"], "change": change, **{name: vector[name] for name in WORKPLACE}, **(job or {})}
    result["credentials"] = {**vector["credentials"], **credentials}
    result["code"] = code
    return result


def with_bytes(vector, member, change, edit):
    data = bytearray(portals.from_base64url(vector["credentials"][member]))
    return derived(vector, change, **{member: portals.base64url(bytes(edit(data)))})


def flipped(index, bit=0):
    def edit(data):
        data[index] ^= 1 << bit
        return data

    return edit


def changed(vector):
    """Changes of a vector that need no key."""
    newest, former = (key["keyId"] for key in RECIPIENTS)
    other = "fileProtection" if vector["product"] == "workplace" else "workplace"
    yield derived(vector, "moved to another tenant", job={"tenant": "msp-4712"})
    yield derived(vector, "moved to another job", job={"jobId": "another"})
    yield derived(vector, "moved to another product", job={"product": other})
    yield derived(vector, "under the keyId of another key of the worker's", keyId=former if vector["credentials"]["keyId"] == newest else newest)
    yield with_bytes(vector, "ciphertext", "ciphertext: its first byte altered", flipped(0))
    yield with_bytes(vector, "ciphertext", "ciphertext: the last byte of its tag altered", flipped(-1))
    yield with_bytes(vector, "ciphertext", "ciphertext: without its last byte", lambda data: data[:-1])
    yield with_bytes(vector, "ciphertext", "ciphertext: without its tag", lambda data: data[:-16])
    yield with_bytes(vector, "ciphertext", "ciphertext: nothing but a tag", lambda data: data[-16:])
    yield with_bytes(vector, "ciphertext", "ciphertext: shorter than a tag", lambda data: data[:15])
    yield with_bytes(vector, "ciphertext", "ciphertext: one byte more", lambda data: data + b"\0")
    yield with_bytes(vector, "enc", "enc: a byte altered", flipped(7))
    yield with_bytes(vector, "enc", "enc: the bit set that X25519 ignores", flipped(31, bit=7))
    yield with_bytes(vector, "enc", "enc: without its last byte", lambda data: data[:-1])
    yield with_bytes(vector, "enc", "enc: one byte more", lambda data: data + b"\0")
    yield with_bytes(vector, "enc", "enc: the all-zero point", lambda data: bytes(32))
    yield with_bytes(vector, "enc", "enc: the point 1, of low order", lambda data: bytes([1]) + bytes(31))
    order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
    yield with_bytes(vector, "enc", "enc: a point of order 8", lambda data: bytes.fromhex(order_8))
    yield with_bytes(vector, "enc", "enc: the worker's own public key", lambda data: public_bytes(private_key(vector["credentials"]["keyId"])))
    yield derived(vector, "a keyId that nobody published", "key_unknown", keyId="portal-2000-01-01")
    yield derived(vector, "a keyId in other letters", "key_unknown", keyId=vector["credentials"]["keyId"].upper())
    yield derived(vector, "a keyId that would forge a log line", "key_unknown", keyId='x"\n2026-11-22T08:00:00Z error \x1b[2J\u202e\\')
    yield derived(vector, "a keyId as long as one may be", "key_unknown", keyId="portal-" * 36 + "end")


def sealed_otherwise(vector):
    """The same plaintext for the same job, sealed in another way than the contract's."""
    key_id = vector["credentials"]["keyId"]
    suite = pyhpke.CipherSuite.new
    sender = private_key("a sender")
    for change, options in [
        ("sealed to another key, under the keyId of the worker's", {"recipient_key": "somebody else's"}),
        ("info: of another version", {"info": b"autotask.job.connect/2"}),
        ("info: none", {"info": b""}),
        ("suite: ChaCha20-Poly1305", {"suite": suite(KEM.DHKEM_X25519_HKDF_SHA256, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)}),
        ("suite: AES-128-GCM", {"suite": suite(KEM.DHKEM_X25519_HKDF_SHA256, KDF.HKDF_SHA256, AEAD.AES128_GCM)}),
        ("suite: HKDF-SHA512", {"suite": suite(KEM.DHKEM_X25519_HKDF_SHA256, KDF.HKDF_SHA512, AEAD.AES256_GCM)}),
        ("mode: auth", {"sks": sender}),
        ("mode: psk", {"psk": bytes(range(32)), "psk_id": b"psk"}),
        ("mode: auth_psk", {"sks": sender, "psk": bytes(range(32)), "psk_id": b"psk"}),
        ("the second message of its context", {"message": 1}),
    ]:
        yield derived(vector, change, **sealed(change, vector, vector["plaintext"], key_id, **options))
    zero = "enc: the all-zero point, and the rest as if the agreed secret were zero"
    yield derived(vector, zero, **sealed_without_agreement(vector))


def sealed_without_agreement(vector):
    """A blob that opens where the check of RFC 9180, 7.1.4 is missing: X25519 with a point of low order agrees on zeros."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    def extract(suite, salt, label, material):
        return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")

    def expand(suite, key, label, info, length):
        return hmac.digest(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\1", "sha256")[:length]

    kem, hpke, enc = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02", bytes(32)
    key_id = vector["credentials"]["keyId"]
    agreed = extract(kem, b"", b"eae_prk", bytes(32))
    shared = expand(kem, agreed, b"shared_secret", enc + public_bytes(private_key(key_id)), 32)
    context = b"\0" + extract(hpke, b"", b"psk_id_hash", b"") + extract(hpke, b"", b"info_hash", portals.INFO)
    secret = extract(hpke, shared, b"secret", b"")
    key, nonce = expand(hpke, secret, b"key", context, 32), expand(hpke, secret, b"base_nonce", context, 12)
    ciphertext = AESGCM(key).encrypt(nonce, vector["plaintext"].encode(), authenticated(vector).encode())
    return {"enc": portals.base64url(enc), "ciphertext": portals.base64url(ciphertext)}


# The document


def document(others):
    """The whole file. `others` are the vectors that were not sealed by pyhpke."""
    own = list(by_pyhpke())
    refused = [case for vector in (own[0], own[1], others[0]) for case in changed(vector)]
    refused += [case for vector in own[:2] for case in sealed_otherwise(vector)]
    return {
        "suite": {"mode": "base", "kem": "DHKEM(X25519, HKDF-SHA256)", "kdf": "HKDF-SHA256", "aead": "AES-256-GCM"},
        "info": portals.INFO.decode(),
        "recipientKeys": copy.deepcopy(RECIPIENTS),
        "opens": own + others,
        "refused": refused,
    }


def text(value):
    return json.dumps(value, ensure_ascii=True, indent=2) + "\n"


def main():
    FILE.parent.mkdir(exist_ok=True)
    temporary = FILE.with_suffix(".new")
    temporary.write_text(text(document(list(by_others()))), encoding="ascii")
    os.replace(temporary, FILE)
    print(f"Wrote {FILE.relative_to(contract.ROOT)}.")


if __name__ == "__main__":
    main()
