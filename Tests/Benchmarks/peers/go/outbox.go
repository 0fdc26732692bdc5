package main

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// unconfirmedLimit is the number of events that wait for their confirms.
const unconfirmedLimit = 4096

// Unpublished is an event in the outbox.
type Unpublished struct {
	Position                         int64
	EventID, JobID, Type, RoutingKey string
	Body                             []byte
}

// Outbox publishes committed events, and deletes those that the broker confirmed.
type Outbox struct {
	broker  *Broker
	store   *Store
	failed  chan<- error
	offered chan Unpublished
	// published are the positions of events in the order of their delivery tags.
	published chan int64
}

// NewOutbox makes an outbox that has to be run.
func NewOutbox(broker *Broker, store *Store, failed chan<- error) *Outbox {
	return &Outbox{
		broker: broker, store: store, failed: failed,
		offered: make(chan Unpublished, 2*unconfirmedLimit), published: make(chan int64, unconfirmedLimit),
	}
}

// Offer takes events that are on disk.
func (o *Outbox) Offer(events []Unpublished) {
	for _, event := range events {
		o.offered <- event
	}
}

// Run publishes until the broker refuses something.
func (o *Outbox) Run() {
	channel := o.broker.publishing
	go o.confirm(channel.NotifyPublish(make(chan amqp.Confirmation, unconfirmedLimit)))
	returned := channel.NotifyReturn(make(chan amqp.Return, 1))
	go func() {
		for message := range returned {
			o.failed <- fmt.Errorf("event %s was returned: %s", message.MessageId, message.ReplyText)
		}
	}()
	for event := range o.offered {
		o.published <- event.Position
		err := channel.PublishWithContext(context.Background(), o.broker.exchange, event.RoutingKey, true, false, amqp.Publishing{
			ContentType:   "application/cloudevents+json",
			DeliveryMode:  amqp.Persistent,
			MessageId:     event.EventID,
			CorrelationId: event.JobID,
			Type:          event.Type,
			UserId:        o.broker.user,
			Timestamp:     time.Now(),
			Body:          event.Body,
		})
		if err != nil {
			o.failed <- err
			return
		}
	}
}

// confirm deletes confirmed events in batches. The library passes confirms in the order of the tags.
func (o *Outbox) confirm(confirmations <-chan amqp.Confirmation) {
	for first := range confirmations {
		positions := []int64{o.position(first)}
	gathering:
		for len(positions) < groupLimit {
			select {
			case next := <-confirmations:
				positions = append(positions, o.position(next))
			default:
				break gathering
			}
		}
		o.store.Forget(positions)
	}
}

func (o *Outbox) position(confirmation amqp.Confirmation) int64 {
	if !confirmation.Ack {
		o.failed <- fmt.Errorf("the broker refused event %d", confirmation.DeliveryTag)
	}
	return <-o.published
}
