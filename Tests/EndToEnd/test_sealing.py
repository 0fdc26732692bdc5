"""Sealed credentials: the vectors of `schemas/` under other implementations than the worker's, portals' code, and its results."""

import json
import sys

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

import contract
import portal as portals
import sealed_vectors
from processes import BIN_DIR
from tenants import CONFIGURED

VECTORS = contract.load(sealed_vectors.FILE)
ODD = sealed_vectors.ODD
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
PORTALS = {
    "seal.py": [sys.executable, contract.ROOT / "deploy" / "portal" / "seal.py"],
    "seal.mjs": ["node", contract.ROOT / "deploy" / "portal" / "seal.mjs"],
}


def private_bytes(vector):
    key_id = vector["credentials"]["keyId"]
    return next(portals.from_base64url(key["privateKey"]) for key in VECTORS["recipientKeys"] if key["keyId"] == key_id)


def open_with_pyhpke(vector):
    enc, ciphertext = (portals.from_base64url(vector["credentials"][name]) for name in ("enc", "ciphertext"))
    key = portals.SUITE.kem.deserialize_private_key(private_bytes(vector))
    context = portals.SUITE.create_recipient_context(enc, key, VECTORS["info"].encode())
    return context.open(ciphertext, aad=sealed_vectors.authenticated(vector).encode()).decode()


def open_with_cryptography(vector):
    """Its public functions take no `aad`; this one is there for its own tests, and the version is pinned."""
    enc, ciphertext = (portals.from_base64url(vector["credentials"][name]) for name in ("enc", "ciphertext"))
    key = x25519.X25519PrivateKey.from_private_bytes(private_bytes(vector))
    aad = sealed_vectors.authenticated(vector).encode()
    return openssl.hpke._decrypt_with_aad(SUITE, enc + ciphertext, key, VECTORS["info"].encode(), aad).decode()


IMPLEMENTATIONS = pytest.mark.parametrize("opened_by", [open_with_pyhpke, open_with_cryptography], ids=["pyhpke", "cryptography"])


# Vectors


def test_the_vectors_have_the_shape_that_their_schema_says():
    assert contract.errors("common/credentials-vectors.json", VECTORS) == []


def test_the_vectors_are_what_their_generator_makes():
    others = [vector for vector in VECTORS["opens"] if vector["sealedBy"] != "pyhpke"]
    assert {vector["sealedBy"] for vector in others} == {"swift-crypto", "node:crypto"}
    assert sealed_vectors.document(others) == VECTORS


@IMPLEMENTATIONS
@pytest.mark.parametrize("vector", VECTORS["opens"], ids=lambda vector: vector["name"])
def test_a_vector_opens(vector, opened_by):
    assert vector["aad"] == sealed_vectors.authenticated(vector)
    assert opened_by(vector) == vector["plaintext"]
    assert json.loads(vector["plaintext"]) == vector["opened"]


@IMPLEMENTATIONS
@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: f"{vector['of']}; {vector['change']}")
def test_a_vector_that_was_tampered_with_does_not_open(vector, opened_by):
    known = vector["credentials"]["keyId"] in [key["keyId"] for key in VECTORS["recipientKeys"]]
    assert known == (vector["code"] != "key_unknown")
    if known:
        with pytest.raises(Exception) as caught:
            opened_by(vector)
        assert not isinstance(caught.value, (AssertionError, KeyError, NameError, UnicodeDecodeError))


# Code for portals


@pytest.fixture
def published():
    """The vectors' keys, as `keys publish` would print them, after an expired key and one of an unknown kind."""
    keys = [{name: value for name, value in key.items() if name != "privateKey"} for key in VECTORS["recipientKeys"]]
    return {"keys": [{**keys[0], "keyId": "over", "notAfter": "2020-01-01T00:00:00Z"}, {**keys[0], "keyId": "new", "kem": "X-Wing"}, *keys]}


@pytest.mark.parametrize("program", PORTALS.values(), ids=PORTALS)
@pytest.mark.parametrize("job", [sealed_vectors.WORKPLACE, sealed_vectors.FILE_PROTECTION], ids=lambda job: job["product"])
def test_what_a_snippet_seals_opens_elsewhere(program, published, job):
    credentials = sealed_vectors.seal_by(program, published, job, ODD)
    assert contract.errors("common/credentials.json", credentials) == []
    assert credentials["keyId"] == VECTORS["recipientKeys"][0]["keyId"]
    for opened_by in (open_with_pyhpke, open_with_cryptography):
        assert json.loads(opened_by({**job, "credentials": credentials})) == ODD


def test_what_the_command_seals_opens_elsewhere(published):
    credentials = sealed_vectors.seal_by_worker(published, sealed_vectors.WORKPLACE, ODD)
    assert credentials["keyId"] == VECTORS["recipientKeys"][0]["keyId"]
    for opened_by in (open_with_pyhpke, open_with_cryptography):
        assert json.loads(opened_by({**sealed_vectors.WORKPLACE, "credentials": credentials})) == ODD


def test_a_secret_from_standard_input_ends_before_its_line_break(published, tmp_path):
    (tmp_path / "keys").write_text(json.dumps(published), encoding="utf-8")
    arguments = ["--tenant", "a", "--id", "b", "--username", "c", "--secret-file", "-", "--portal-keys", tmp_path / "keys"]
    credentials = sealed_vectors.run([BIN_DIR / "autotask-worker", "keys", "seal", *arguments], "  é \r\n")
    job = {"jobId": "b", "tenant": "a", "product": "workplace", "credentials": credentials}
    assert json.loads(open_with_pyhpke(job)) == {"username": "c", "secret": "  é "}


@pytest.mark.parametrize("program", PORTALS.values(), ids=PORTALS)
def test_a_snippet_seals_to_no_key_whose_time_is_over(program, published):
    with pytest.raises(AssertionError, match="fetch the keys again"):
        sealed_vectors.seal_by(program, {"keys": published["keys"][:2]}, sealed_vectors.WORKPLACE, ODD)


@pytest.mark.parametrize("program", PORTALS.values(), ids=PORTALS)
def test_a_snippet_seals_nothing_to_a_point_of_low_order(program, published):
    """Everybody could open that."""
    keys = [{**published["keys"][2], "publicKey": portals.base64url(bytes(32))}]
    document = json.dumps({"keys": keys, "credentials": ODD})
    result = sealed_vectors.result_of([*program, "--job-id", "a", "--tenant", "b"], document)
    assert result.returncode == 1 and result.stdout == b""


@pytest.mark.parametrize("program", PORTALS.values(), ids=PORTALS)
def test_a_snippet_does_not_quote_what_it_cannot_read(program):
    result = sealed_vectors.result_of([*program, "--job-id", "a", "--tenant", "b"], '{"credentials": {"secret": "TOPSECRET')
    assert result.returncode == 1 and "not JSON" in result.stderr.decode()
    assert b"TOPSECRET" not in result.stdout + result.stderr


# A worker in production


def test_keys_publish_prints_what_its_schema_says(worker):
    document = json.loads(worker.cli("keys", "publish"))
    assert contract.errors("common/published-keys.json", document) == []
    assert document["keys"] and all("privateKey" not in key for key in document["keys"])


@pytest.mark.parametrize("program", PORTALS.values(), ids=PORTALS)
def test_a_tenant_connects_with_what_a_snippet_sealed(program, worker, new_tenant):
    # Of control characters, a header of HTTP takes tabs.
    tenant = new_tenant(secret="".join(character for character in ODD["secret"] if character == "\t" or character.isprintable()))
    job_id = portals.new_id()
    job = {"jobId": job_id, "tenant": tenant.name, "product": "workplace"}
    document = json.loads(worker.cli("keys", "publish"))
    sealed = sealed_vectors.seal_by(program, document, job, {"username": tenant.username, "secret": tenant.secret})
    ending = tenant.publish("connect", {"credentials": sealed, "firstConfiguredAt": CONFIGURED}, job_id).ending()
    tenant.expect(ending, "connection.established")


@pytest.mark.parametrize("product", ["workplace", "fileProtection"])
def test_the_command_connects_a_tenant_as_a_portal_would(worker, tenant, tmp_path, product):
    (tmp_path / "secret").write_text(tenant.secret + "\n", encoding="utf-8")
    (tmp_path / "keys").write_text(worker.cli("keys", "publish"), encoding="utf-8")
    output = worker.cli(
        *["job", "connect", "--tenant", tenant.name, "--product", product, "--username", tenant.username],
        *["--secret-file", tmp_path / "secret", "--portal-keys", tmp_path / "keys", "--first-configured-at", CONFIGURED, "--wait", "--json"],
    )
    assert contract.errors("events/connection.established.json", json.loads(output)) == []


def test_without_the_keys_the_command_warns_and_the_worker_refuses(worker, tenant, tmp_path):
    (tmp_path / "secret").write_text(tenant.secret, encoding="utf-8")
    arguments = ["job", "connect", "--tenant", tenant.name, "--username", tenant.username, "--secret-file", tmp_path / "secret", "--wait", "--json"]
    result = worker.run(*arguments)
    assert result.returncode == 1 and "in the clear" in result.stderr
    assert json.loads(result.stdout)["data"]["error"]["message"] == "Credentials must be sealed."


@pytest.mark.parametrize(
    ("secret", "keys"),
    [(b"", None), (b"a\nb", None), (b"\xff", None), (b"x" * 1025, None), (b"x" * 5000, None), (b"secret", "{}"), (b"secret", '{"keys": []}')],
    ids=["empty", "a line break", "not UTF-8", "too long", "much too long", "no keys document", "no key"],
)
def test_what_a_worker_would_refuse_is_not_sealed(worker, tmp_path, secret, keys):
    (tmp_path / "secret").write_bytes(secret)
    (tmp_path / "keys").write_text(keys or worker.cli("keys", "publish"), encoding="utf-8")
    arguments = ["keys", "seal", "--tenant", "a", "--id", "b", "--username", "c"]
    worker.cli(*arguments, "--secret-file", tmp_path / "secret", "--portal-keys", tmp_path / "keys", expect=2)


@pytest.mark.parametrize("code", ["decryption_failed", "key_unknown"])
def test_an_operator_is_told_of_what_does_not_open(worker, tenant, code):
    job = tenant.connect_job()
    sealed = job.envelope["data"]["credentials"]
    if code == "key_unknown":
        sealed["keyId"] = 'forged"\n\x1b[2J' + "x" * 240
    else:
        sealed["enc"] = portals.base64url(bytes(32))
    tenant.expect(job.publish().ending(), "job.rejected", code)
    lines = [line for line in worker.log.splitlines() if "Sealed credentials do not open" in line and tenant.name in line]
    assert len(lines) == 1 and " warning " in lines[0] and f"code={code}" in lines[0] and job.envelope["id"] in lines[0]
    assert len(lines[0]) < 1000 and "\x1b" not in lines[0] and sealed["ciphertext"] not in lines[0]
