package app_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grove/cmd/grove/app"
	"grove/cmd/grove/apptest"
	"grove/infra/notify"
	"grove/infra/notify/smtp"
	"grove/infra/testkit"
)

type health struct {
	Status string
	Checks map[string]struct {
		Status, Detail string
		DurationMS     *float64 `json:"duration_ms"`
		LagSeconds     *float64 `json:"lag_seconds"`
	}
}

// failed are the names of the checks that failed.
func (h health) failed() string {
	var names []string
	for _, name := range []string{"database", "jobs", "keys", "listener", "mail", "schema", "serving"} {
		if h.Checks[name].Status == "fail" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func healthOf(t *testing.T, w *apptest.World) health {
	t.Helper()
	r := w.Do(w.Client(), "GET", apptest.Origin+"/health?verbose", nil, "Authorization", "Bearer "+apptest.PlatformKey)
	var h health
	if err := json.Unmarshal(r.Raw, &h); err != nil {
		t.Fatalf("%d %s", r.StatusCode, r.Raw)
	}
	if (r.StatusCode == http.StatusOK) != (h.Status == "ok") || (h.failed() == "") != (h.Status == "ok") || len(h.Checks) != 7 {
		t.Errorf("%d %s", r.StatusCode, r.Raw)
	}
	for name, c := range h.Checks {
		if c.DurationMS == nil || *c.DurationMS < 0 || (c.Status == "fail") != (c.Detail != "") && c.Status != "off" {
			t.Errorf("%s: %s", name, r.Raw)
		}
	}
	return h
}

func super(t *testing.T, database string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadiness(t *testing.T) {
	w := apptest.New(t)
	c := w.Client()
	for _, path := range []string{"/healthz", "/livez", "/readyz"} {
		if r := w.Do(c, "GET", apptest.Origin+path, nil); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.Raw)
		}
	}
	w.Drain()
	if r := w.Do(c, "GET", apptest.Origin+"/readyz", nil); r.StatusCode != http.StatusServiceUnavailable || strings.TrimSpace(string(r.Raw)) != `{"ready":false}` {
		t.Errorf("while draining, a stranger is told: %d %s", r.StatusCode, r.Raw)
	}
	if h := healthOf(t, w); h.failed() != "serving" {
		t.Errorf("while draining: %+v", h)
	}
	if r := w.Do(c, "GET", apptest.Origin+"/healthz", nil); r.StatusCode != http.StatusOK {
		t.Errorf("a draining process is not alive: %d", r.StatusCode)
	}
}

// TestReadinessIsNotHeldUp: while the database hangs, whoever asked for readiness and went away is not waited for, nor do others
// stand behind him.
func TestReadinessIsNotHeldUp(t *testing.T) {
	w := apptest.New(t)
	testkit.Eventually(t, "the process is ready", func() bool {
		return w.Do(w.Client(), "GET", apptest.Origin+"/readyz", nil).StatusCode == http.StatusOK
	})
	conn, err := pgx.Connect(t.Context(), w.DB.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE infra.migrations`); err != nil {
		t.Fatal(err)
	}
	waits := func() (waiting bool) { // for the table
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		return waiting
	}
	ask := func(ctx context.Context) int {
		r := httptest.NewRequest("GET", apptest.Origin+"/readyz", nil).WithContext(ctx)
		answer := httptest.NewRecorder()
		w.Handler().ServeHTTP(answer, r)
		return answer.Code
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// Whoever waits does it for two seconds. A busy machine only adds time, so one round of less is enough.
	testkit.Eventually(t, "8 who had gone away hold nothing up for a second", func() bool {
		testkit.Eventually(t, "what was kept is old", func() bool {
			asking.Go(func() { ask(t.Context()) })
			return waits()
		})
		began := time.Now()
		for range 8 {
			if code := ask(gone); code != http.StatusServiceUnavailable {
				t.Errorf("ready without a database: %d", code)
			}
		}
		return time.Since(began) < time.Second
	})
}

// TestHealthFails breaks one thing at a time, for real.
func TestHealthFails(t *testing.T) {
	t.Run("nothing", func(t *testing.T) {
		h := healthOf(t, apptest.New(t))
		if h.Status != "ok" || h.Checks["mail"].Status != "ok" || h.Checks["jobs"].LagSeconds == nil {
			t.Errorf("%+v", h)
		}
	})
	t.Run("no mail server is configured", func(t *testing.T) {
		h := healthOf(t, apptest.New(t, apptest.Configure(func(o *app.Options) { o.Sender = nil })))
		if h.Status != "ok" || h.Checks["mail"].Status != "off" {
			t.Errorf("%+v", h)
		}
	})
	t.Run("the mail server is gone", func(t *testing.T) {
		w := apptest.New(t)
		if err := w.Mail.Close(); err != nil {
			t.Fatal(err)
		}
		if h := healthOf(t, w); h.failed() != "mail" {
			t.Errorf("%+v", h)
		}
	})
	t.Run("the queue is late", func(t *testing.T) {
		w := apptest.New(t, apptest.WithoutWorkers())
		super(t, w.DB.Super, `INSERT INTO jobs.river_job (state, kind, max_attempts, args, priority, queue, scheduled_at)
			VALUES ('available', 'test', 1, '{}', 1, 'default', now() - interval '1 hour'), ('scheduled', 'test', 1, '{}', 1, 'default', now() + interval '1 hour')`)
		h := healthOf(t, w)
		if lag := h.Checks["jobs"].LagSeconds; h.failed() != "jobs" || lag == nil || *lag < 3590 || *lag > 3700 {
			t.Errorf("%+v", h)
		}
		if r := w.Do(w.Client(), "GET", apptest.Origin+"/readyz", nil); r.StatusCode != http.StatusOK {
			t.Errorf("a late queue keeps requests away: %d", r.StatusCode)
		}
	})
	t.Run("keys of another root key", func(t *testing.T) {
		w := apptest.New(t)
		super(t, w.DB.Super, `UPDATE grove.data_keys SET wrapped = set_byte(wrapped, octet_length(wrapped) - 1, 255 - get_byte(wrapped, octet_length(wrapped) - 1))`)
		if h := healthOf(t, w); h.failed() != "keys" {
			t.Errorf("%+v", h)
		}
	})
	t.Run("a migration is missing", func(t *testing.T) {
		w := apptest.New(t)
		super(t, w.DB.Super, `DELETE FROM infra.migrations WHERE name = (SELECT max(name) FROM infra.migrations)`)
		if h := healthOf(t, w); h.failed() != "schema" {
			t.Errorf("%+v", h)
		}
	})
	t.Run("the database is gone", func(t *testing.T) {
		w := apptest.New(t)
		var name string
		if _, rest, ok := strings.Cut(w.DB.Super, "/t_"); ok {
			name, _, _ = strings.Cut("t_"+rest, "?")
		}
		other := strings.Replace(w.DB.Super, "/"+name, "/postgres", 1)
		super(t, other, `ALTER DATABASE `+name+` ALLOW_CONNECTIONS false`,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
		testkit.Eventually(t, "the listener notices", func() bool { return !w.Hub.Live() })
		if h := healthOf(t, w); h.failed() != "database jobs keys listener schema" {
			t.Errorf("%+v", h)
		}
		if r := w.Do(w.Client(), "GET", apptest.Origin+"/readyz", nil); r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("ready without a database: %d", r.StatusCode)
		}
	})
}

// TestHealthEndsInTime: a mail server that takes the connection and says nothing does not hold the report up, nor the checks
// that ended.
func TestHealthEndsInTime(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	sender, err := smtp.New("smtp://"+silent.Addr().String(), smtp.Options{From: "no-reply@grove.test"})
	if err != nil {
		t.Fatal(err)
	}
	w := apptest.New(t, apptest.Configure(func(o *app.Options) { o.Sender = notify.Route{notify.Email: sender} }))
	began := time.Now()
	if h := healthOf(t, w); h.failed() != "mail" || *h.Checks["mail"].DurationMS < 1000 || *h.Checks["database"].DurationMS > 5000 {
		t.Errorf("%+v", h)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
}
