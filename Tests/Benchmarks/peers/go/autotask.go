package main

import (
	"fmt"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/valyala/fasthttp"
)

// maximumAnswer is the size of the largest answer that is read.
const maximumAnswer = 4 << 20

// json is a faster drop-in for encoding/json.
var json = jsoniter.ConfigCompatibleWithStandardLibrary

// Client calls Autotask's REST API.
type Client struct {
	http        *fasthttp.Client
	integration string
}

// NewClient makes a client that keeps as many connections alive as lanes run.
func NewClient(concurrency int, integration string) *Client {
	return &Client{integration: integration, http: &fasthttp.Client{
		MaxConnsPerHost:               concurrency,
		MaxIdleConnDuration:           time.Minute,
		MaxResponseBodySize:           maximumAnswer,
		ReadTimeout:                   30 * time.Second,
		WriteTimeout:                  30 * time.Second,
		DisableHeaderNamesNormalizing: true,
	}}
}

// Record is a service in Autotask, with the members that were asked for.
type Record struct {
	ID            int64           `json:"id"`
	Name          string          `json:"name"`
	UnitPrice     jsoniter.Number `json:"unitPrice"`
	UnitCost      jsoniter.Number `json:"unitCost"`
	BillingCodeID int64           `json:"billingCodeID"`
	PeriodType    int64           `json:"periodType"`
	IsActive      bool            `json:"isActive"`
	InternalID    string          `json:"internalID"`
}

var fields = []string{"id", "name", "unitPrice", "unitCost", "billingCodeID", "periodType", "isActive", "internalID"}

type condition struct {
	Operator string `json:"op"`
	Field    string `json:"field"`
	Value    any    `json:"value"`
}

type alternatives struct {
	Operator string      `json:"op"`
	Items    []condition `json:"items"`
}

type query struct {
	MaxRecords    int            `json:"MaxRecords"`
	IncludeFields []string       `json:"IncludeFields"`
	Filter        []alternatives `json:"Filter"`
}

type page struct {
	Items       []Record `json:"items"`
	PageDetails struct {
		NextPageURL *string `json:"nextPageUrl"`
	} `json:"pageDetails"`
}

// Services reads the services that belong to a plan, by their ids, markers and names, in one call.
func (c *Client) Services(connection *Connection, plan *Plan) ([]Record, error) {
	conditions := make([]condition, 0, 3*len(plan.Services))
	for _, service := range plan.Services {
		if binding, ok := connection.Bindings[service.Key]; ok {
			conditions = append(conditions, condition{"eq", "id", binding.Service}, condition{"eq", "internalID", binding.Marker})
		}
		conditions = append(conditions, condition{"eq", "name", service.Name})
	}
	body, err := json.Marshal(query{MaxRecords: 500, IncludeFields: fields, Filter: []alternatives{{"or", conditions}}})
	if err != nil {
		return nil, err
	}
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetRequestURI(connection.URL + "V1.0/Services/query")
	request.Header.SetContentType("application/json")
	request.Header.Set("UserName", connection.Username)
	request.Header.Set("Secret", connection.Secret)
	request.Header.Set("ApiIntegrationCode", c.integration)
	request.SetBodyRaw(body)
	if err := c.http.Do(request, response); err != nil {
		return nil, err
	}
	if response.StatusCode() != fasthttp.StatusOK {
		return nil, fmt.Errorf("Autotask answered %d", response.StatusCode())
	}
	var answer page
	if err := json.Unmarshal(response.Body(), &answer); err != nil {
		return nil, fmt.Errorf("Autotask's answer: %w", err)
	}
	if answer.PageDetails.NextPageURL != nil {
		return nil, fmt.Errorf("more than one page of services")
	}
	return answer.Items, nil
}
