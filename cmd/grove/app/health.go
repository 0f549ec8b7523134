package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"grove/infra/db"
	"grove/infra/notify"
)

const (
	readyTimeout = 2 * time.Second

	// healthTimeout bounds the whole report; what has not answered by then has failed.
	healthTimeout = 5 * time.Second

	// lagLimit is far above what a busy queue has, and above the minute and a half after which a lost job begins again.
	lagLimit = 5 * time.Minute
)

// finding is what one check of the health report found. cause is for the log; whoever reads the report is told detail.
type finding struct {
	status string // ok, fail or off
	detail string
	cause  error
	lag    *float64 // seconds
}

var (
	fine    = finding{status: "ok"}
	errSlow = errors.New("the check has not ended in time")
)

func failing(detail string, cause error) finding {
	return finding{status: "fail", detail: detail, cause: cause}
}

func failingIf(err error, detail string) finding {
	if err != nil {
		return failing(detail, err)
	}
	return fine
}

// check is one line of the health report.
type check struct {
	name  string
	ask   func(context.Context) finding
	ready bool // readiness asks it, too, which must cost no more than a round trip
	kept  bool // readiness keeps what it found for askedLife
}

// checks are all there are; readiness asks in this order.
func (a *App) checks() []check {
	return []check{
		{name: "serving", ready: true, ask: a.checkServing},
		{name: "listener", ready: true, ask: a.checkListener},
		{name: "database", ready: true, kept: true, ask: func(ctx context.Context) finding {
			return failingIf(a.DB.Ping(ctx), "the database does not answer")
		}},
		{name: "schema", ready: true, kept: true, ask: a.checkSchema},
		{name: "jobs", ask: a.checkJobs},
		{name: "keys", ask: func(ctx context.Context) finding {
			return failingIf(a.checkRootKey(ctx), "the root key does not open the keys in the database, or they cannot be read")
		}},
		{name: "mail", ask: a.checkMail},
	}
}

func (a *App) checkServing(context.Context) finding {
	switch {
	case a.draining.Load():
		return failing("the process is ending", nil)
	case a.held.Load() || !a.started.Load():
		return failing("the process is still starting", nil)
	}
	return fine
}

func (a *App) checkListener(context.Context) finding {
	if !a.Hub.Live() {
		return failing("changes of other processes are not heard; nothing is served from memory", nil)
	}
	return fine
}

func (a *App) checkSchema(ctx context.Context) finding {
	err := a.DB.CheckMigrated(ctx, Folders())
	if errors.Is(err, db.ErrPending) {
		return failing(db.ErrPending.Error(), err)
	}
	return failingIf(err, "the state of the migrations cannot be read")
}

func (a *App) checkJobs(ctx context.Context) finding {
	lag, err := a.Jobs.Lag(ctx)
	if err != nil {
		return failing("the queue cannot be read", err)
	}
	f := fine
	if lag > lagLimit {
		f = failing(fmt.Sprintf("the oldest job has been due for more than %s", lagLimit), nil)
	}
	seconds := lag.Seconds()
	f.lag = &seconds
	return f
}

func (a *App) checkMail(ctx context.Context) finding {
	if a.options.Sender == nil {
		return finding{status: "off", detail: "no mail server is configured; mail waits in the queue"}
	}
	c, ok := a.options.Sender.(notify.Checker)
	if !ok {
		return fine
	}
	return failingIf(c.Check(ctx), "the mail server takes no mail from us")
}

// ready tells anyone whether to send requests here: 200 once the database answers and is migrated, changes are heard and
// the program has started; 503 otherwise, and while it drains. What fails is the operator's to know.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	for _, c := range a.checks() {
		if c.ready && a.asked.within(r.Context(), c).status == "fail" {
			status = http.StatusServiceUnavailable
			break
		}
	}
	writeHealth(w, status, map[string]bool{"ready": status == http.StatusOK})
}

// asked keeps what the database last answered to readiness, which everybody may ask for as often as he likes.
type asked struct {
	mu      sync.Mutex
	last    map[string]answer
	running singleflight.Group // by the check's name
}

type answer struct {
	finding
	at time.Time
}

// askedLife is how often the database is asked, however many ask for readiness.
const askedLife = time.Second

// within returns what a check found within the last second. All who ask at once wait for one answer, each as long as he likes.
func (k *asked) within(ctx context.Context, c check) finding {
	if !c.kept {
		return c.ask(ctx)
	}
	k.mu.Lock()
	last, known := k.last[c.name]
	k.mu.Unlock()
	if known && time.Since(last.at) < askedLife {
		return last.finding
	}
	answered := k.running.DoChan(c.name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		f := c.ask(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.last == nil {
			k.last = map[string]answer{}
		}
		k.last[c.name] = answer{f, time.Now()}
		return f, nil
	})
	select {
	case r := <-answered:
		return r.Val.(finding)
	case <-ctx.Done():
		return failing(errSlow.Error(), ctx.Err())
	}
}

// checkReport is one line of the health report.
type checkReport struct {
	Status     string   `json:"status"`
	Detail     string   `json:"detail,omitempty"`
	DurationMS float64  `json:"duration_ms"`
	LagSeconds *float64 `json:"lag_seconds,omitempty"`
}

// health runs every check at once and tells the operator of each: 200 when none fails, 503 otherwise.
func (a *App) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	checks := a.checks()
	type ended struct {
		name string
		finding
		took time.Duration
	}
	results := make(chan ended, len(checks))
	began := time.Now()
	for _, c := range checks {
		go func() {
			f := c.ask(ctx)
			results <- ended{c.name, f, time.Since(began)}
		}()
	}
	reports := map[string]checkReport{}
	status := http.StatusOK
	note := func(e ended) {
		reports[e.name] = checkReport{Status: e.status, Detail: e.detail, DurationMS: float64(e.took.Microseconds()) / 1000, LagSeconds: e.lag}
		if e.status != "fail" {
			return
		}
		status = http.StatusServiceUnavailable
		a.Log.WarnContext(r.Context(), "a health check failed", "check", e.name, "detail", e.detail, "error", e.cause)
	}
	for len(reports) < len(checks) && ctx.Err() == nil {
		select {
		case e := <-results:
			note(e)
		case <-ctx.Done():
		}
	}
	for _, c := range checks {
		if _, ok := reports[c.name]; !ok {
			note(ended{c.name, failing(errSlow.Error(), cmp.Or(ctx.Err(), errSlow)), time.Since(began)})
		}
	}
	overall := fine.status
	if status != http.StatusOK {
		overall = "fail"
	}
	writeHealth(w, status, map[string]any{"status": overall, "version": a.options.Version, "checks": reports})
}

func writeHealth(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
