package main

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// prefetch is the number of deliveries that the broker sends before an acknowledgement.
const prefetch = 1000

// Broker has a connection for deliveries and one for publishing, so that the broker's flow control of publishers does not stop deliveries.
type Broker struct {
	consuming, publishing *amqp.Channel
	queue, exchange       string
	user                  string
}

// Dial connects, and prepares both channels.
func Dial(url, queue, exchange string) (*Broker, error) {
	uri, err := amqp.ParseURI(url)
	if err != nil {
		return nil, fmt.Errorf("AMQP_URL: %w", err)
	}
	broker := &Broker{queue: queue, exchange: exchange, user: uri.Username}
	if broker.consuming, err = openChannel(url); err != nil {
		return nil, err
	}
	if err := broker.consuming.Qos(prefetch, 0, false); err != nil {
		return nil, err
	}
	if broker.publishing, err = openChannel(url); err != nil {
		return nil, err
	}
	return broker, broker.publishing.Confirm(false)
}

func openChannel(url string) (*amqp.Channel, error) {
	connection, err := amqp.DialConfig(url, amqp.Config{Dial: dialCoalescing})
	if err != nil {
		return nil, err
	}
	return connection.Channel()
}

// Deliveries starts to consume.
func (b *Broker) Deliveries() (<-chan amqp.Delivery, error) {
	return b.consuming.Consume(b.queue, "", false, false, false, false, nil)
}

// coalescing gathers small writes. The AMQP library writes each of a message's three frames by itself; here frames that are written while
// the socket is busy leave together.
type coalescing struct {
	net.Conn
	mutex   sync.Mutex
	waiting sync.Cond
	pending *bytes.Buffer
	err     error
}

func dialCoalescing(network, address string) (net.Conn, error) {
	connection, err := amqp.DefaultDial(30*time.Second)(network, address)
	if err != nil {
		return nil, err
	}
	gathering := &coalescing{Conn: connection, pending: new(bytes.Buffer)}
	gathering.waiting.L = &gathering.mutex
	go gathering.flush()
	return gathering, nil
}

func (c *coalescing) Write(data []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if c.pending.Len() == 0 {
		c.waiting.Signal()
	}
	return c.pending.Write(data)
}

func (c *coalescing) Close() error {
	c.mutex.Lock()
	c.err = net.ErrClosed
	c.waiting.Signal()
	c.mutex.Unlock()
	return c.Conn.Close()
}

func (c *coalescing) flush() {
	sending := new(bytes.Buffer)
	for {
		c.mutex.Lock()
		for c.pending.Len() == 0 && c.err == nil {
			c.waiting.Wait()
		}
		if c.err != nil {
			c.mutex.Unlock()
			return
		}
		c.pending, sending = sending, c.pending
		c.mutex.Unlock()
		if _, err := c.Conn.Write(sending.Bytes()); err != nil {
			c.mutex.Lock()
			c.err = err
			c.mutex.Unlock()
			return
		}
		sending.Reset()
	}
}
