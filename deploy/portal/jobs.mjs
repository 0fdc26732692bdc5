// Jobs as a portal sends them: a CloudEvent as bytes, and the AMQP properties beside it, as amqplib takes them. Copy this file with seal.mjs.
// It needs Node.js 18 or newer and no package.
//
// A job is made once, and kept until its terminal event has arrived. Whoever repeats it sends the same bytes.

import { randomUUID } from "node:crypto";
import { seal } from "./seal.mjs";

export const EXCHANGE = "autotask.jobs";
const SOURCE = "/portal/example";
const TENANT = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Connects a tenant. `credentials` are sealed for this job alone; `keys` is the document of `autotask-worker keys publish`. */
export function connect(tenant, credentials, keys, firstConfiguredAt, product = "workplace") {
  const id = randomUUID();
  return make("connect", tenant, { credentials: seal(keys, id, tenant, product, credentials), firstConfiguredAt }, product, id);
}

/** Transfers a plan: `{ planId, revision, services }`. Raise `revision` with every change, so that an older plan never wins. */
export const sync = (tenant, plan, product) => make("sync", tenant, plan, product);

/** Erases the integration. The page has asked the user to confirm it. */
export const reset = (tenant, reason, product) => make("reset", tenant, { confirm: true, reason }, product);

/** Any kind of job. Throws a `RangeError` for a tenant that no job may have. */
export function make(kind, tenant, data, product = "workplace", id = randomUUID()) {
  if (!TENANT.test(tenant)) throw new RangeError("A tenant has 1 to 64 letters, digits, - and _, and begins with a letter or digit.");
  const envelope = {
    specversion: "1.0",
    id,
    source: SOURCE,
    type: `autotask.job.${kind}`,
    subject: tenant,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { ...data, product },
  };
  return { id, kind, tenant, product, routingKey: `${kind}.${tenant}`, body: Buffer.from(JSON.stringify(envelope)) };
}

/** The options of amqplib's `publish`. `user` is the broker user of the connection: without `userId`, no event answers the job. */
export function options(job, user) {
  return {
    mandatory: true,
    userId: user,
    messageId: job.id,
    type: `autotask.job.${job.kind}`,
    contentType: "application/cloudevents+json",
    deliveryMode: 2,
    timestamp: Math.floor(Date.now() / 1000),
  };
}
