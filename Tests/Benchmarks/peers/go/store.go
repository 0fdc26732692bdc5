package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

// The benchmark makes `connections` and `bindings`, and fills them.
const schema = `
CREATE TABLE IF NOT EXISTS jobs (
	row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, accepted_at INTEGER NOT NULL, payload BLOB,
	ended_at INTEGER, event_type TEXT, event_id TEXT
);
CREATE INDEX IF NOT EXISTS unfinished_jobs ON jobs (row) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS outbox (
	position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, job_id TEXT NOT NULL, type TEXT NOT NULL, routing_key TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sequences (tenant TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
`

const pragmas = "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_cache_size=-32000"

// groupLimit is the number of operations in one transaction.
const groupLimit = 1000

// Store is a SQLite database with one writer, which commits the operations that wait in groups, and readers beside it.
type Store struct {
	operations chan operation
	writer     *sql.Conn
	known      *sql.Stmt
	accept     *sql.Stmt
	end        *sql.Stmt
	advance    *sql.Stmt
	enqueue    *sql.Stmt
	forget     *sql.Stmt
	connection *sql.Stmt
}

// operation is a part of a transaction. `apply` runs on the writer, `committed` once the transaction is on disk.
type operation struct {
	apply     func() error
	committed func()
}

// OpenStore opens the database and prepares the statements.
func OpenStore(path string) (*Store, error) {
	database, err := sql.Open("sqlite3", "file:"+path+"?"+pragmas)
	if err != nil {
		return nil, err
	}
	database.SetMaxOpenConns(1)
	ctx := context.Background()
	store := &Store{operations: make(chan operation, groupLimit)}
	if store.writer, err = database.Conn(ctx); err != nil {
		return nil, err
	}
	if _, err := store.writer.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite3", "file:"+path+"?"+pragmas+"&mode=ro")
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(2)
	readers.SetMaxIdleConns(2)
	if store.connection, err = readers.Prepare(
		"SELECT c.username, c.secret, c.url, b.services FROM connections c JOIN bindings b USING (tenant) WHERE c.tenant = ? AND b.plan = ?",
	); err != nil {
		return nil, err
	}
	for statement, text := range map[**sql.Stmt]string{
		&store.accept:  "INSERT INTO jobs (id, tenant, accepted_at, payload) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
		&store.end:     "UPDATE jobs SET ended_at = ?, event_type = ?, event_id = ?, payload = NULL WHERE row = ?",
		&store.advance: "INSERT INTO sequences (tenant, last) VALUES (?, 1) ON CONFLICT (tenant) DO UPDATE SET last = last + 1 RETURNING last",
		&store.enqueue: "INSERT INTO outbox (event_id, job_id, type, routing_key, body) VALUES (?, ?, ?, ?, ?)",
		&store.forget:  "DELETE FROM outbox WHERE position = ?",
	} {
		if *statement, err = store.writer.PrepareContext(ctx, text); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return store, nil
}

// Write commits operations in groups until one fails.
func (s *Store) Write(failed chan<- error) {
	group := make([]operation, 0, groupLimit)
	for first := range s.operations {
		group = append(group[:0], first)
	gathering:
		for len(group) < groupLimit {
			select {
			case next := <-s.operations:
				group = append(group, next)
			default:
				break gathering
			}
		}
		if err := s.commit(group); err != nil {
			failed <- fmt.Errorf("store: %w", err)
			return
		}
		for _, operation := range group {
			operation.committed()
		}
	}
}

func (s *Store) commit(group []operation) error {
	ctx := context.Background()
	if _, err := s.writer.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, operation := range group {
		if err := operation.apply(); err != nil {
			return err
		}
	}
	_, err := s.writer.ExecContext(ctx, "COMMIT")
	return err
}

// Accept stores new jobs. Once they are on disk, it calls `accepted` with those that were not known before.
func (s *Store) Accept(jobs []*Job, accepted func([]*Job)) {
	fresh := make([]*Job, 0, len(jobs))
	s.operations <- operation{
		apply: func() error {
			now := time.Now().UnixMilli()
			for _, job := range jobs {
				result, err := s.accept.Exec(job.ID, job.Tenant, now, job.Payload)
				if err != nil {
					return err
				}
				if count, err := result.RowsAffected(); err != nil {
					return err
				} else if count == 0 {
					continue
				}
				if job.Row, err = result.LastInsertId(); err != nil {
					return err
				}
				fresh = append(fresh, job)
			}
			return nil
		},
		committed: func() { accepted(fresh) },
	}
}

// End ends a job with its event. It returns what is to be published, once both are on disk.
func (s *Store) End(job *Job, event *Event) Unpublished {
	var entry Unpublished
	ended := make(chan struct{})
	s.operations <- operation{
		apply: func() error {
			var sequence int64
			if err := s.advance.QueryRow(job.Tenant).Scan(&sequence); err != nil {
				return err
			}
			body, err := event.Encode(sequence)
			if err != nil {
				return err
			}
			entry = Unpublished{EventID: event.ID, JobID: job.ID, Type: event.Type, RoutingKey: event.RoutingKey(), Body: body}
			if _, err := s.end.Exec(event.Time.UnixMilli(), event.Type, event.ID, job.Row); err != nil {
				return err
			}
			result, err := s.enqueue.Exec(entry.EventID, entry.JobID, entry.Type, entry.RoutingKey, entry.Body)
			if err != nil {
				return err
			}
			entry.Position, err = result.LastInsertId()
			return err
		},
		committed: func() { close(ended) },
	}
	<-ended
	return entry
}

// Forget deletes published events.
func (s *Store) Forget(positions []int64) {
	s.operations <- operation{
		apply: func() error {
			for _, position := range positions {
				if _, err := s.forget.Exec(position); err != nil {
					return err
				}
			}
			return nil
		},
		committed: func() {},
	}
}

// Connection is how to reach a tenant's Autotask, and what its services are there.
type Connection struct {
	Username, Secret, URL string
	Bindings              map[string]Binding
}

// Binding is a service's id in Autotask, and the marker by which it is found.
type Binding struct {
	Service int64  `json:"id"`
	Marker  string `json:"marker"`
}

// Connection reads a tenant's connection and the bindings of a plan.
func (s *Store) Connection(tenant, plan string) (*Connection, error) {
	connection := new(Connection)
	var bindings sql.RawBytes
	rows, err := s.connection.Query(tenant, plan)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, fmt.Errorf("tenant %s or its plan is not known", tenant)
	}
	if err := rows.Scan(&connection.Username, &connection.Secret, &connection.URL, &bindings); err != nil {
		return nil, err
	}
	return connection, json.Unmarshal(bindings, &connection.Bindings)
}

// Recover returns the jobs and events that an earlier process left. It runs before the writer does.
func (s *Store) Recover() ([]*Job, []Unpublished, error) {
	ctx := context.Background()
	rows, err := s.writer.QueryContext(ctx, "SELECT row, payload FROM jobs WHERE ended_at IS NULL ORDER BY row")
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var jobs []*Job
	for rows.Next() {
		var row int64
		var payload []byte
		if err := rows.Scan(&row, &payload); err != nil {
			return nil, nil, err
		}
		job, err := DecodeJob(payload)
		if err != nil {
			return nil, nil, err
		}
		job.Row = row
		jobs = append(jobs, job)
	}
	if rows.Err() != nil {
		return nil, nil, rows.Err()
	}
	left, err := s.writer.QueryContext(ctx, "SELECT position, event_id, job_id, type, routing_key, body FROM outbox ORDER BY position")
	if err != nil {
		return nil, nil, err
	}
	defer left.Close()
	var events []Unpublished
	for left.Next() {
		var entry Unpublished
		if err := left.Scan(&entry.Position, &entry.EventID, &entry.JobID, &entry.Type, &entry.RoutingKey, &entry.Body); err != nil {
			return nil, nil, err
		}
		events = append(events, entry)
	}
	return jobs, events, left.Err()
}
