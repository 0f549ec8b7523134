package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// crowd is how `grove serve` does with many tenants.
type crowd struct {
	tenants     int
	ready       time.Duration // exec to ready
	idle, after int64         // resident memory before any request, and after every tenant had two
	cold, again []time.Duration
}

const platformKey = "the-operator-of-the-bench-0123456789"

// measureTenants makes tenants, starts the server anew and asks it for the keys of each of them, twice: the first time
// nothing of a tenant is in memory, the second time what the caches have kept is.
func measureTenants(ctx context.Context, program, databaseURL, rootKey, folder string, count int) (crowd, error) {
	out := crowd{tenants: count}
	serve := func() (*child, string, error) {
		addr, err := freeAddress()
		if err != nil {
			return nil, "", err
		}
		c, err := spawn(ctx, filepath.Join(folder, "tenants.log"), environment(append(withoutLimits, "GROVE_ADDR="+addr, "GROVE_DATABASE_URL="+databaseURL,
			"GROVE_ROOT_KEY="+rootKey, "GROVE_PLATFORM_KEY="+platformKey, "GROVE_ARGON2_MEMORY_KIB=7168", "GROVE_ARGON2_ITERATIONS=1")...), program, "serve")
		if err != nil {
			return nil, "", err
		}
		if err := c.waitReady(ctx, "http://"+addr+"/readyz"); err != nil {
			c.stop()
			return nil, "", err
		}
		return c, "http://" + addr, nil
	}
	handle := func(i int) string { return fmt.Sprintf("tenant-%05d", i) }

	c, origin, err := serve()
	if err != nil {
		return out, err
	}
	group, making := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range count {
		group.Go(func() error { return makeTenant(making, origin, handle(i)) })
	}
	err = group.Wait()
	c.stop()
	if err != nil {
		return out, err
	}

	begin := time.Now()
	if c, origin, err = serve(); err != nil {
		return out, err
	}
	defer c.stop()
	out.ready = time.Since(begin)
	time.Sleep(idleTime)
	out.idle = memory(c.pid())
	for _, into := range []*[]time.Duration{&out.cold, &out.again} {
		for i := range count {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/t/"+handle(i)+"/oauth2/jwks", nil)
			if err != nil {
				return out, err
			}
			var keys struct{ Keys []json.RawMessage }
			begin := time.Now()
			if err := exchangeJSON(r, &keys); err != nil {
				return out, err
			}
			*into = append(*into, time.Since(begin))
			if len(keys.Keys) == 0 {
				return out, fmt.Errorf("%s has no keys", handle(i))
			}
		}
		slices.Sort(*into)
	}
	out.after = memory(c.pid())
	return out, nil
}

func makeTenant(ctx context.Context, origin, handle string) error {
	body := `{"handle":"` + handle + `","name":"Tenant","admin":{"email":"jo@` + handle + `.example","password":"correct horse battery"}}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, origin+"/platform/v1/tenants", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+platformKey)
	r.Header.Set("Content-Type", "application/json")
	var made map[string]any
	return exchangeJSON(r, &made)
}

func (c crowd) markdown(b *strings.Builder) {
	at := func(sorted []time.Duration, share float64) string {
		return short(sorted[int(float64(len(sorted)-1)*share)])
	}
	fmt.Fprintf(b, "\n## %s tenants\n\nEach tenant has keys of its own, and is asked for them twice, one request at a time. What is in memory is bounded by\n"+
		"the number of entries, not of tenants: keys of 4,096 tenants, look-ups of 20,000 names.\n\n| figure | value |\n|---|--:|\n", thousands(c.tenants))
	fmt.Fprintf(b, "| `grove serve`, exec to ready | %d ms |\n", c.ready.Milliseconds())
	fmt.Fprintf(b, "| resident memory, idle | %s |\n", megabytes(c.idle))
	fmt.Fprintf(b, "| resident memory, after every tenant was asked twice | %s |\n", megabytes(c.after))
	fmt.Fprintf(b, "| first request to a tenant, p50 | %s |\n| first request to a tenant, p99 | %s |\n", at(c.cold, 0.5), at(c.cold, 0.99))
	fmt.Fprintf(b, "| second request to a tenant, p50 | %s |\n", at(c.again, 0.5))
}
