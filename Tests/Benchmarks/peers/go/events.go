package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

func init() { uuid.EnableRandPool() }

// Event is a job's terminal event.
type Event struct {
	ID     string
	Type   string
	Tenant string
	Job    string
	Time   time.Time
	Data   SyncReport
}

// SyncReport is the data of a sync's event.
type SyncReport struct {
	Job      string          `json:"jobId"`
	Message  string          `json:"message"`
	Plan     string          `json:"planId"`
	Counts   Counts          `json:"counts"`
	APICalls int             `json:"apiCalls"`
	Services []ServiceResult `json:"services"`
	WebURL   string          `json:"webUrl"`
}

// Counts are the numbers of services by their result.
type Counts struct {
	Total     int `json:"total"`
	Unchanged int `json:"unchanged"`
	Synced    int `json:"synced"`
	Error     int `json:"error"`
	NotSynced int `json:"notSynced"`
}

// ServiceResult is the result for one service.
type ServiceResult struct {
	Key         string   `json:"key"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Outcome     string   `json:"outcome"`
	Service     int64    `json:"autotaskServiceId"`
	Active      bool     `json:"active"`
	Changes     []string `json:"changes"`
	Overwritten []string `json:"overwritten"`
	Warnings    []string `json:"warnings"`
}

// RoutingKey is the event's type without its prefix, and the tenant.
func (e *Event) RoutingKey() string {
	return strings.TrimPrefix(e.Type, "autotask.") + "." + e.Tenant
}

// Encode writes the event as CloudEvents JSON.
func (e *Event) Encode(sequence int64) ([]byte, error) {
	return json.Marshal(struct {
		SpecVersion string      `json:"specversion"`
		ID          string      `json:"id"`
		Source      string      `json:"source"`
		Type        string      `json:"type"`
		Subject     string      `json:"subject"`
		Time        string      `json:"time"`
		ContentType string      `json:"datacontenttype"`
		Terminal    bool        `json:"terminal"`
		Job         string      `json:"jobid"`
		Product     string      `json:"product"`
		Epoch       int         `json:"epoch"`
		Sequence    string      `json:"sequence"`
		Data        *SyncReport `json:"data"`
	}{
		"1.0", e.ID, "/go-peer", e.Type, e.Tenant, e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "application/json", true, e.Job,
		"workplace", 1, strconv.FormatInt(sequence, 10), &e.Data,
	})
}
