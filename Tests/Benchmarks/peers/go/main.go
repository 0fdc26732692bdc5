// Command go-peer is a worker in Go that does the part of the product's work that the benchmark measures: unchanged syncs.
//
// It takes sync jobs from RabbitMQ and commits them to SQLite before it acknowledges them. It runs one job at a time for a tenant and many
// tenants in parallel, reads the tenant's services from Autotask in one call, compares them with the plan, and commits the result with its
// event in an outbox. It publishes the event with confirms, and deletes it from the outbox once it is confirmed.
//
// It has no supersession, history, audit log, leases or sealing, and it writes no log line for a job.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	concurrency, err := strconv.Atoi(setting("CONCURRENT_LANES", "512"))
	if err != nil {
		return fmt.Errorf("CONCURRENT_LANES: %w", err)
	}

	store, err := OpenStore(setting("DATABASE", "peer.sqlite"))
	if err != nil {
		return err
	}
	broker, err := Dial(setting("AMQP_URL", ""), setting("JOBS_QUEUE", "autotask.jobs"), setting("RESULTS_EXCHANGE", "autotask.results"))
	if err != nil {
		return err
	}
	failed := make(chan error, 8)

	outbox := NewOutbox(broker, store, failed)
	client := NewClient(concurrency, setting("AUTOTASK_INTEGRATION_CODE", ""))
	lanes := NewLanes(concurrency, func(job *Job) {
		if err := runSync(job, store, client, outbox); err != nil && ctx.Err() == nil {
			failed <- err
		}
	})
	unfinished, unpublished, err := store.Recover()
	if err != nil {
		return err
	}
	go store.Write(failed)
	go outbox.Run()
	outbox.Offer(unpublished)
	lanes.Add(unfinished)
	go consume(broker, store, lanes, failed)
	fmt.Println("Consuming")

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func setting(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}
