package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Job is a validated sync.
type Job struct {
	ID      string
	Tenant  string
	Time    time.Time
	Plan    Plan
	Payload []byte
	// Row is its row in the store.
	Row int64
}

// Plan lists the services that the tenant has to have.
type Plan struct {
	ID       string    `json:"planId"`
	Services []Service `json:"services"`
}

// Service is one of a plan.
type Service struct {
	Key           string `json:"key"`
	Name          string `json:"name"`
	Type          string `json:"type"`
	Period        string `json:"period"`
	UnitCost      string `json:"unitCost"`
	UnitPrice     string `json:"unitPrice"`
	BillingCodeID int64  `json:"billingCodeId"`

	cost, price Money
}

type envelope struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        Plan      `json:"data"`
}

const maximumServices = 100

// DecodeJob reads and validates a message's body.
func DecodeJob(body []byte) (*Job, error) {
	var message envelope
	if err := json.Unmarshal(body, &message); err != nil {
		return nil, err
	}
	switch {
	case message.SpecVersion != "1.0":
		return nil, errors.New("specversion is not 1.0")
	case message.Type != "autotask.job.sync":
		return nil, fmt.Errorf("a job of type %q", message.Type)
	case message.Source == "" || message.Time.IsZero():
		return nil, errors.New("source or time is missing")
	case message.ContentType != "application/json":
		return nil, errors.New("data is not JSON")
	case !isTenant(message.Subject):
		return nil, errors.New("subject is not a tenant")
	}
	if _, err := uuid.Parse(message.ID); err != nil {
		return nil, fmt.Errorf("id: %w", err)
	}
	if err := message.Data.validate(); err != nil {
		return nil, err
	}
	return &Job{ID: message.ID, Tenant: message.Subject, Time: message.Time, Plan: message.Data, Payload: body}, nil
}

func isTenant(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) < 0
}

func (p *Plan) validate() error {
	if p.ID == "" || len(p.ID) > 64 {
		return errors.New("planId is missing or too long")
	}
	if len(p.Services) == 0 || len(p.Services) > maximumServices {
		return errors.New("a plan has 1 to 100 services")
	}
	keys, names := make(map[string]bool, len(p.Services)), make(map[string]bool, len(p.Services))
	for index := range p.Services {
		service := &p.Services[index]
		if service.Key == "" || keys[service.Key] || names[service.Name] {
			return fmt.Errorf("service %d: its key or name is missing or not its own", index)
		}
		keys[service.Key], names[service.Name] = true, true
		if err := service.validate(); err != nil {
			return fmt.Errorf("service %q: %w", service.Key, err)
		}
	}
	return nil
}

func (s *Service) validate() (err error) {
	if s.Name == "" || utf8.RuneCountInString(s.Name) > 150 {
		return errors.New("name is missing or too long")
	}
	if s.Type == "" || s.BillingCodeID <= 0 {
		return errors.New("type or billingCodeId is missing")
	}
	if periods[s.Period] == 0 {
		return fmt.Errorf("period %q", s.Period)
	}
	if s.cost, err = ParseMoney(s.UnitCost); err != nil {
		return err
	}
	s.price, err = ParseMoney(s.UnitPrice)
	return err
}

// periods are Autotask's numbers.
var periods = map[string]int64{"Monthly": 2, "Quarterly": 3, "Semi-Annual": 4, "Yearly": 5}

// Money is an amount in ten-thousandths.
type Money int64

// ParseMoney reads a decimal of at most four places.
func ParseMoney(text string) (Money, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" || len(whole) > 12 || len(fraction) > 4 && strings.Trim(fraction[4:], "0") != "" {
		return 0, fmt.Errorf("amount %q", text)
	}
	var amount Money
	for _, digits := range []string{whole, (fraction + "0000")[:4]} {
		for _, digit := range []byte(digits) {
			if digit < '0' || digit > '9' {
				return 0, fmt.Errorf("amount %q", text)
			}
			amount = amount*10 + Money(digit-'0')
		}
	}
	return amount, nil
}
