#!/usr/bin/env python3
"""Seals an API user's credentials for one connect job, as a portal does. Copy `seal` into your portal, or run this as a program.

It needs Python 3.11 or newer, and pyhpke:

    python3 -m venv .venv && .venv/bin/pip install -r deploy/portal/requirements.txt
    .venv/bin/python deploy/portal/seal.py --job-id 0193b0a2 --tenant msp-4711 < input.json

Standard input is the document that `autotask-worker keys publish` prints, with one more member:

    { "keys": [ … ], "credentials": { "username": "…", "secret": "…", "integrationCode": "…" } }

and standard output the value of the job's `data.credentials`. No secret is an argument or in the environment, where others could see it.
"""

import argparse
import base64
import datetime
import json
import sys

from pyhpke import AEADId, CipherSuite, KDFId, KEMId

SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
INFO = b"autotask.job.connect/1"


def seal(keys_document, job_id, tenant, product, credentials):
    """The member `credentials` of one job.

    It opens for this job id, tenant and product only. Send the same value again when you repeat the job under its id; another value needs
    another id. Raises `LookupError` when all published keys have expired: fetch the published keys again, and tell the operator if that does
    not help.
    """
    key = usable_key(keys_document)
    recipient = SUITE.kem.deserialize_public_key(decoded(key["publicKey"]))
    enc, sender = SUITE.create_sender_context(recipient, INFO)
    plaintext = json.dumps(credentials, ensure_ascii=False).encode()
    ciphertext = sender.seal(plaintext, aad=f"{job_id}|{tenant}|{product}".encode())
    return {"keyId": key["keyId"], "enc": encoded(enc), "ciphertext": encoded(ciphertext)}


def usable_key(keys_document):
    """The first key whose time is not over. Skips keys of a kind that this program does not know."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for key in keys_document["keys"]:
        if key["kem"] == "X25519" and datetime.datetime.fromisoformat(key["notAfter"].replace("Z", "+00:00")) > now:
            return key
    raise LookupError("The time of every published key is over: fetch the keys again.")


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def main():
    parser = argparse.ArgumentParser(description="Seals credentials for one connect job. Reads keys and credentials from standard input.")
    parser.add_argument("--job-id", required=True, help="the id of the job (CloudEvents id)")
    parser.add_argument("--tenant", required=True, help="the tenant (CloudEvents subject)")
    parser.add_argument("--product", choices=["workplace", "fileProtection"], default="workplace")
    arguments = parser.parse_args()
    try:
        document = json.loads(sys.stdin.buffer.read())
    except ValueError:
        sys.exit(f"{parser.prog}: Standard input is not JSON.")
    try:
        sealed = seal(document, arguments.job_id, arguments.tenant, arguments.product, document["credentials"])
    except LookupError as error:
        sys.exit(f"{parser.prog}: {error}")
    print(json.dumps(sealed))


if __name__ == "__main__":
    main()
