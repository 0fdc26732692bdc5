package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// runSync runs a job until its result is on disk, and offers its event to the outbox.
func runSync(job *Job, store *Store, client *Client, outbox *Outbox) error {
	connection, err := store.Connection(job.Tenant, job.Plan.ID)
	if err != nil {
		return err
	}
	records, err := client.Services(connection, &job.Plan)
	if err != nil {
		return err
	}
	event, err := Compare(job, connection, records)
	if err != nil {
		return err
	}
	outbox.Offer([]Unpublished{store.End(job, event)})
	return nil
}

// Compare makes the event of a sync whose services are as its plan wants them. Any difference is an error: this peer writes nothing.
func Compare(job *Job, connection *Connection, records []Record) (*Event, error) {
	byID := make(map[int64]*Record, len(records))
	byName := make(map[string]int64, len(records))
	for index := range records {
		byID[records[index].ID] = &records[index]
		byName[strings.ToLower(records[index].Name)] = records[index].ID
	}
	results := make([]ServiceResult, 0, len(job.Plan.Services))
	for _, service := range job.Plan.Services {
		binding, ok := connection.Bindings[service.Key]
		if !ok {
			return nil, fmt.Errorf("%s of %s has no binding", service.Key, job.Tenant)
		}
		record, ok := byID[binding.Service]
		if !ok || record.InternalID != binding.Marker || byName[strings.ToLower(service.Name)] != record.ID {
			return nil, fmt.Errorf("%s of %s is not in Autotask", service.Key, job.Tenant)
		}
		if difference := record.difference(&service); difference != "" {
			return nil, fmt.Errorf("%s of %s differs in %s", service.Key, job.Tenant, difference)
		}
		results = append(results, ServiceResult{
			Key: service.Key, Name: service.Name, Status: "Synced", Outcome: "unchanged", Service: record.ID, Active: record.IsActive,
			Changes: []string{}, Overwritten: []string{}, Warnings: []string{},
		})
	}
	count := len(results)
	return &Event{
		ID: uuid.NewString(), Type: "autotask.sync.succeeded", Tenant: job.Tenant, Job: job.ID, Time: time.Now(),
		Data: SyncReport{
			Job: job.ID, Message: fmt.Sprintf("%d services are synced", count), Plan: job.Plan.ID,
			Counts: Counts{Total: count, Unchanged: count, Synced: count}, APICalls: 1, Services: results,
			WebURL: strings.TrimSuffix(connection.URL, "ATServicesRest/"),
		},
	}, nil
}

// difference names the first member that is not as planned.
func (r *Record) difference(service *Service) string {
	price, err := ParseMoney(r.UnitPrice.String())
	if err != nil || price != service.price {
		return "unitPrice"
	}
	if cost, err := ParseMoney(r.UnitCost.String()); err != nil || cost != service.cost {
		return "unitCost"
	}
	switch {
	case r.Name != service.Name:
		return "name"
	case r.BillingCodeID != service.BillingCodeID:
		return "billingCodeID"
	case r.PeriodType != periods[service.Period]:
		return "periodType"
	case !r.IsActive:
		return "isActive"
	}
	return ""
}
