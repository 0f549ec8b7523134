package grove

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
)

// server answers each call with the next of the answers, and keeps what it was asked.
func server(t *testing.T, answers ...func(http.ResponseWriter)) (*Client, *[]*http.Request, *[]string) {
	t.Helper()
	var got []*http.Request
	var bodies []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r), append(bodies, string(raw))
		if len(got) > len(answers) {
			t.Errorf("call %d was not expected", len(got))
			return
		}
		answers[len(got)-1](w)
	}))
	t.Cleanup(s.Close)
	c := New(s.URL+"/t/acme/", s.Client())
	c.waits = func(int) time.Duration { return 0 }
	return c, &got, &bodies
}

func answer(status int, body string, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestCallsAreSentAsTheAPIWantsThem(t *testing.T) {
	c, got, bodies := server(t, answer(201, `{"id":"grp_1","name":"A"}`), answer(200, `{"id":"grp_1"}`, "ETag", `"7"`), answer(204, ""))
	ctx := t.Context()
	if g, err := c.CreateGroup(ctx, "root", CreateGroupRequest{Name: "A"}); err != nil || g.ID != "grp_1" {
		t.Fatalf("%+v, %v", g, err)
	}
	var etag string
	if _, err := c.UpdateGroup(ctx, "a/../b", "grp_1", UpdateGroupRequest{Description: nullable.NewNullNullable[string]()}, IfMatch(`"6"`), ETag(&etag)); err != nil || etag != `"7"` {
		t.Fatalf("%q, %v", etag, err)
	}
	if err := c.DeleteGroup(ctx, "root", "grp_1", nil); err != nil {
		t.Fatal(err)
	}
	create, update := (*got)[0], (*got)[1]
	if len(create.Header.Get("Idempotency-Key")) < 16 || update.Header.Get("Idempotency-Key") != "" {
		t.Errorf("idempotency keys %q, %q", create.Header.Get("Idempotency-Key"), update.Header.Get("Idempotency-Key"))
	}
	if update.RequestURI != "/t/acme/v1/orgs/a%2F..%2Fb/groups/grp_1" || update.Header.Get("If-Match") != `"6"` {
		t.Errorf("%s, If-Match %s", update.RequestURI, update.Header.Get("If-Match"))
	}
	if want := []string{`{"name":"A"}`, `{"description":null}`, ""}; !slices.Equal(*bodies, want) {
		t.Errorf("bodies %q", *bodies)
	}
}

func TestProblems(t *testing.T) {
	const problem = `{"code":"group.name_taken","detail":"Choose another.","request_id":"r1","status":409,"title":"Taken","type":"https://x"}`
	c, _, _ := server(t, answer(409, problem, "Content-Type", "application/problem+json"), answer(502, "<html>"), answer(200, "<html>"))
	_, err := c.CreateGroup(t.Context(), "root", CreateGroupRequest{Name: "A"})
	var p *Problem
	if !errors.As(err, &p) || p.Code != "group.name_taken" || p.Status != 409 || err.Error() != "group.name_taken: Taken. Choose another. (request r1)" {
		t.Errorf("%v", err)
	}
	if _, err = c.CreateGroup(t.Context(), "root", CreateGroupRequest{}); !errors.As(err, &p) || p.Code != "http.502" {
		t.Errorf("of a proxy: %v", err)
	}
	var syntax *json.SyntaxError
	if _, err = c.GetGroup(t.Context(), "root", "x"); !errors.As(err, &syntax) {
		t.Errorf("an answer that is no JSON: %v", err)
	}
}

func TestRepeats(t *testing.T) {
	ok, busy, broken := answer(200, `{}`), answer(503, "{}", "Retry-After", "0"), hangUp
	create := func(c *Client) error {
		_, err := c.CreateGroup(t.Context(), "root", CreateGroupRequest{Name: "A"})
		return err
	}
	for name, x := range map[string]struct {
		answers []func(http.ResponseWriter)
		call    func(*Client) error
		wantErr bool
	}{
		"busy twice":            {[]func(http.ResponseWriter){busy, answer(429, "{}"), ok}, create, false},
		"busy for ever":         {[]func(http.ResponseWriter){busy, busy, busy}, create, true},
		"broken POST":           {[]func(http.ResponseWriter){broken, ok}, create, false},
		"broken DELETE":         {[]func(http.ResponseWriter){broken}, func(c *Client) error { return c.DeleteGroup(t.Context(), "root", "x", nil) }, true},
		"busy DELETE":           {[]func(http.ResponseWriter){busy, ok}, func(c *Client) error { return c.DeleteGroup(t.Context(), "root", "x", nil) }, false},
		"a failure of the call": {[]func(http.ResponseWriter){answer(500, "{}")}, create, true},
	} {
		c, got, bodies := server(t, x.answers...)
		c.http.Transport.(*http.Transport).DisableKeepAlives = true // net/http repeats on kept connections by itself
		if err := x.call(c); (err != nil) != x.wantErr || len(*got) != len(x.answers) {
			t.Errorf("%s: %d calls, %v", name, len(*got), err)
		}
		for i, r := range *got {
			if r.Header.Get("Idempotency-Key") != (*got)[0].Header.Get("Idempotency-Key") || (*bodies)[i] != (*bodies)[0] {
				t.Errorf("%s: the call changed when it was repeated", name)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, _, _ := server(t, func(w http.ResponseWriter) { cancel(); answer(503, "{}", "Retry-After", "3600")(w) })
	if _, err := c.GetGroup(ctx, "root", "x"); err == nil {
		t.Error("a canceled call succeeded")
	}
}

func TestPages(t *testing.T) {
	c, got, _ := server(t, answer(200, `{"items":[{"id":"1"}],"next_page_token":"n&1"}`), answer(200, `{"items":[{"id":"2"}]}`), answer(403, `{"code":"x"}`))
	var ids []string
	params := &ListUsersParams{PageSize: new(int64(1))}
	for page, err := range c.ListUsersPages(t.Context(), "root", params) {
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Items {
			ids = append(ids, u.ID)
		}
	}
	if strings.Join(ids, " ") != "1 2" || (*got)[1].URL.RawQuery != "page_size=1&page_token=n%261" || params.PageToken != nil {
		t.Errorf("%v, %s", ids, (*got)[1].URL.RawQuery)
	}
	calls := 0
	for _, err := range c.ListUsersPages(t.Context(), "root", nil) {
		if calls++; err == nil || calls > 1 {
			t.Fatalf("after a failure: %v", err)
		}
	}
}
