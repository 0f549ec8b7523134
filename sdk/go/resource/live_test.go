package resource_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/oauth2"

	grove "grove/sdk/go"
	"grove/sdk/go/resource"
)

// TestLive protects an API that a tenant has registered, against a running Grove: see the test of that name of the client.
func TestLive(t *testing.T) {
	base := os.Getenv("GROVE_BASE")
	if base == "" {
		t.Skip("GROVE_BASE is not set: go test ./cmd/grove/sdks runs this against a program of its own")
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if to := os.Getenv("GROVE_ADDR"); to != "" {
			addr = to
		}
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
	}}}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
	c := grove.New(base, grove.ClientCredentials(ctx, base, os.Getenv("GROVE_CLIENT_ID"), os.Getenv("GROVE_CLIENT_SECRET"), "grove"))
	registered, err := c.CreateAPIResource(ctx, "root", grove.CreateAPIResourceRequest{Identifier: "https://api.example/live", Name: "Live",
		Scopes: &[]grove.CreateAPIScopeRequest{{Name: "live.read"}, {Name: "live.write"}}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := c.CreateApp(ctx, "root", grove.CreateAppRequest{Name: "Caller", Template: "m2m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AuthorizeAPI(ctx, "root", app.ID, grove.AuthorizeAPIRequest{Resource: registered.ID, Scopes: []string{"live.read"}}); err != nil {
		t.Fatal(err)
	}
	s, err := resource.New(ctx, resource.Config{Issuer: base, Resource: registered.Identifier, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	token := func(id, secret string) string {
		t.Helper()
		source := grove.ClientCredentials(ctx, base, id, secret).Transport.(*oauth2.Transport).Source
		got, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + got.AccessToken
	}
	own := token(app.ClientID, *app.ClientSecret)
	w, seen := call(s.Require("live.read"), own)
	if w.Code != 200 || seen.Subject != app.ClientID || seen.Person || seen.OrgID == "" {
		t.Errorf("%d %+v %s", w.Code, seen, w.Header().Get("WWW-Authenticate"))
	}
	if w, _ := call(s.Require("live.write"), own); w.Code != 403 {
		t.Errorf("a scope that the app is not authorized for: %d", w.Code)
	}
	if w, _ := call(s.Require(), token(os.Getenv("GROVE_CLIENT_ID"), os.Getenv("GROVE_CLIENT_SECRET"))); w.Code != 401 {
		t.Errorf("a token for another API: %d", w.Code)
	}
}
