"""A portal: publishes jobs as the contract asks, and seals credentials with an implementation of HPKE that is not the worker's."""

import base64
import datetime
import json
import time
import uuid

import pika
import pyhpke

import contract

EXCHANGE = "autotask.jobs"
SUITE = pyhpke.CipherSuite.new(pyhpke.KEMId.DHKEM_X25519_HKDF_SHA256, pyhpke.KDFId.HKDF_SHA256, pyhpke.AEADId.AES256_GCM)
INFO = b"autotask.job.connect/1"


def new_id():
    return str(uuid.uuid4())


def rfc3339(moment):
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def seal(key, job_id, tenant, product, credentials):
    """Credentials for one job, tenant and product, sealed under a published key."""
    public = from_base64url(key["publicKey"])
    enc, sender = SUITE.create_sender_context(SUITE.kem.deserialize_public_key(public), INFO)
    plaintext = json.dumps(credentials, ensure_ascii=False).encode()
    ciphertext = sender.seal(plaintext, aad=f"{job_id}|{tenant}|{product}".encode())
    return {"keyId": key["keyId"], "enc": base64url(enc), "ciphertext": base64url(ciphertext)}


def envelope(kind, tenant, data=None, job_id=None, **attributes):
    job = {
        "specversion": "1.0",
        "id": job_id or new_id(),
        "source": "/portal/end-to-end",
        "type": contract.JOB_PREFIX + kind,
        "subject": tenant,
        "time": rfc3339(now()),
        "datacontenttype": "application/json",
        **attributes,
    }
    if data is not None:
        job["data"] = data
    return job


class Portal:
    """One connection as the broker user `portal`: mandatory, with confirms."""

    def __init__(self, url):
        self.parameters = pika.URLParameters(url)
        self.parameters.heartbeat = 0
        self.user = self.parameters.credentials.username
        self.connect()

    def connect(self):
        self.connection = pika.BlockingConnection(self.parameters)
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def close(self):
        self.connection.close()

    def publish(self, job):
        """Publishes an envelope with all the properties that the contract asks for."""
        kind = job["type"].removeprefix(contract.JOB_PREFIX)
        self.publish_raw(
            json.dumps(job, ensure_ascii=False).encode(),
            f"{kind}.{job['subject']}",
            message_id=job["id"],
            type=job["type"],
        )

    def publish_raw(self, body, routing_key, **properties):
        """Publishes any body; properties may be overridden, `None` leaves one out."""
        properties = {
            "content_type": "application/cloudevents+json",
            "delivery_mode": 2,
            "timestamp": int(time.time()),
            "user_id": self.user,
            **properties,
        }
        properties = {name: value for name, value in properties.items() if value is not None}
        self.channel.basic_publish(EXCHANGE, routing_key, body, pika.BasicProperties(**properties), mandatory=True)
