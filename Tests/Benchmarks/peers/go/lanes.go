package main

import (
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// intakeLimit is the number of deliveries that are accepted at once.
const intakeLimit = 500

// consume accepts deliveries in batches, and acknowledges each batch once it is on disk.
func consume(broker *Broker, store *Store, lanes *Lanes, failed chan<- error) {
	deliveries, err := broker.Deliveries()
	if err != nil {
		failed <- err
		return
	}
	for first := range deliveries {
		batch := append(make([]amqp.Delivery, 0, intakeLimit), first)
	gathering:
		for len(batch) < intakeLimit {
			select {
			case next, ok := <-deliveries:
				if !ok {
					break gathering
				}
				batch = append(batch, next)
			default:
				break gathering
			}
		}
		jobs := make([]*Job, 0, len(batch))
		for _, delivery := range batch {
			job, err := DecodeJob(delivery.Body)
			if err != nil {
				failed <- fmt.Errorf("a message that is no job: %w", err)
				return
			}
			jobs = append(jobs, job)
		}
		last := batch[len(batch)-1]
		store.Accept(jobs, func(fresh []*Job) {
			if err := last.Ack(true); err != nil {
				failed <- err
				return
			}
			lanes.Add(fresh)
		})
	}
	failed <- fmt.Errorf("the broker ended the deliveries")
}

// Lanes run one job at a time for each tenant, and many tenants in parallel.
type Lanes struct {
	mutex   sync.Mutex
	isReady sync.Cond
	// ready are the tenants whose jobs no worker runs yet.
	ready []string
	// waiting has a line for each tenant in `ready`, and for each whose job runs.
	waiting map[string][]*Job
}

// NewLanes starts as many workers as lanes run at once. Workers stay, so that their stacks grow once.
func NewLanes(concurrency int, run func(*Job)) *Lanes {
	lanes := &Lanes{waiting: make(map[string][]*Job)}
	lanes.isReady.L = &lanes.mutex
	for index := 0; index < concurrency; index++ {
		go func() {
			for {
				tenant := lanes.take()
				for job := lanes.next(tenant); job != nil; job = lanes.next(tenant) {
					run(job)
				}
			}
		}()
	}
	return lanes
}

// Add appends jobs to their tenants' lanes.
func (l *Lanes) Add(jobs []*Job) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, job := range jobs {
		line, isKnown := l.waiting[job.Tenant]
		l.waiting[job.Tenant] = append(line, job)
		if !isKnown {
			l.ready = append(l.ready, job.Tenant)
			l.isReady.Signal()
		}
	}
}

func (l *Lanes) take() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for len(l.ready) == 0 {
		l.isReady.Wait()
	}
	tenant := l.ready[0]
	l.ready = l.ready[1:]
	return tenant
}

func (l *Lanes) next(tenant string) *Job {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	line := l.waiting[tenant]
	if len(line) == 0 {
		delete(l.waiting, tenant)
		return nil
	}
	l.waiting[tenant] = line[1:]
	return line[0]
}
