// The broker as a portal uses it, over amqplib's channels: publish a job until RabbitMQ confirms it, follow results, read the journal.
// It imports no package: the caller has the connection.
//
//     import amqplib from "amqplib";
//     const connection = await amqplib.connect(process.env.PORTAL_AMQP_URL, { heartbeat: 30 });
//     const publisher = new Publisher(await connection.createConfirmChannel(), "portal");
//     const events = await connection.createChannel();
//     connection.on("error", …); // Without a listener, Node ends the process.
//     await follow(events, "autotask.portal.example", ["#"], async (body) => { … });
//     await publisher.publish(job);

import { EXCHANGE, options } from "./jobs.mjs";

const RESULTS = "autotask.results";
const JOURNAL = "autotask.results.journal";
/** broker.py says why. */
export const QUEUE_ARGUMENTS = {
  "x-queue-type": "quorum",
  "x-single-active-consumer": true,
  "x-overflow": "drop-head",
  "x-delivery-limit": 1000000,
};

/** RabbitMQ did not do what it was asked for. The message says what to do next. */
export class BrokerProblem extends Error {}

/** Publishes jobs over a confirm channel. A job is published when RabbitMQ has confirmed it, and not before. */
export class Publisher {
  #channel;
  #user;
  #waiting = new Map();

  /** `user` is the broker user of the connection. */
  constructor(channel, user) {
    this.#channel = channel;
    this.#user = user;
    // A message that no queue takes is returned, and confirmed after that.
    channel.on("return", ({ properties }) => this.#end(properties.messageId, "RabbitMQ returned the job, because no queue takes its routing key."));
    channel.on("error", (error) => this.#endAll(`RabbitMQ refuses this: ${error.message}`));
    channel.on("close", () => this.#endAll("The channel to RabbitMQ ended. Send the same bytes again."));
  }

  /** Resolves when the job is in a queue. After a `BrokerProblem` it may be there or not: send the same bytes again, over a new channel. */
  publish(job, seconds = 20) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(job.id, "RabbitMQ did not confirm the job in time. Send the same bytes again."), seconds * 1000);
      this.#waiting.set(job.id, (problem) => {
        clearTimeout(timer);
        this.#waiting.delete(job.id);
        if (problem) reject(new BrokerProblem(problem));
        else resolve();
      });
      const confirmed = (error) =>
        this.#end(job.id, error ? "RabbitMQ did not take the job, because its queue is full. Send the same bytes again later." : null);
      try {
        this.#channel.publish(EXCHANGE, job.routingKey, job.body, options(job, this.#user), confirmed);
      } catch (error) {
        // A channel that has ended throws.
        this.#end(job.id, `The job was not sent: ${error.message}. Send the same bytes again.`);
      }
    });
  }

  #end(id, problem) {
    this.#waiting.get(id)?.(problem);
  }

  #endAll(problem) {
    for (const id of [...this.#waiting.keys()]) this.#end(id, problem);
  }
}

/** Follows results in a durable queue of the portal's own. `take` commits the effect of an event; after that it is acknowledged. */
export async function follow(channel, queue, bindings, take, onEnd = () => {}) {
  await channel.prefetch(100);
  await channel.assertQueue(queue, { durable: true, arguments: QUEUE_ARGUMENTS });
  for (const key of bindings) await channel.bindQueue(queue, RESULTS, key);
  await consume(channel, queue, {}, take, onEnd);
}

/** Reads the journal, as a monitor's user, from `first` or an interval such as `24h` on, and then what is new: it does not end. */
export async function replay(channel, offset, take, onEnd = () => {}) {
  await channel.prefetch(100);
  await consume(channel, JOURNAL, { arguments: { "x-stream-offset": offset } }, take, onEnd);
}

/** One event at a time, in order. The first failure of `take` ends it, with the event unacknowledged: it comes again on the next channel. */
async function consume(channel, queue, settings, take, onEnd) {
  let last = Promise.resolve();
  const handle = async (message) => {
    if (message === null) throw new BrokerProblem(`The queue ${queue} was deleted.`);
    await take(message.content);
    channel.ack(message);
  };
  await channel.consume(queue, (message) => (last = last.then(() => handle(message))).catch(onEnd), { noAck: false, ...settings });
}
