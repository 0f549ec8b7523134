package grove_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
	"golang.org/x/oauth2"

	"grove/sdk/go"
)

// TestLive does what a backend does with its customers, against a running Grove: GROVE_BASE, GROVE_CLIENT_ID and
// GROVE_CLIENT_SECRET are those of a management client; GROVE_ADDR is where to connect to, if the base's host is not.
func TestLive(t *testing.T) {
	base := os.Getenv("GROVE_BASE")
	if base == "" {
		t.Skip("GROVE_BASE is not set: go test ./cmd/grove/sdks runs this against a program of its own")
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if to := os.Getenv("GROVE_ADDR"); to != "" {
			addr = to
		}
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, addr)
	}}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: transport, Timeout: 30 * time.Second})
	c := grove.New(base, grove.ClientCredentials(ctx, base, os.Getenv("GROVE_CLIENT_ID"), os.Getenv("GROVE_CLIENT_SECRET"), "grove"))
	org, err := c.CreateOrganization(ctx, grove.CreateOrganizationRequest{Name: "Customer of the SDK"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		key, in := fmt.Sprintf("user-%d", i), grove.CreateUserRequest{Username: new(fmt.Sprintf("person%d", i)), GivenName: new("Jo")}
		made, err := c.CreateUser(ctx, org.ID, in, grove.IdempotencyKey(key))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.CreateUser(ctx, org.ID, in, grove.IdempotencyKey(key)); err != nil || again.ID != made.ID {
			t.Errorf("a repeated call made another: %+v, %v", again, err)
		}
	}
	var seen []grove.User
	for page, err := range c.ListUsersPages(ctx, org.ID, &grove.ListUsersParams{PageSize: new(int64(2))}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, page.Items...)
	}
	if len(seen) != 3 {
		t.Fatalf("%d users", len(seen))
	}
	var etag string
	if _, err := c.GetUser(ctx, org.ID, seen[0].ID, grove.ETag(&etag)); err != nil || etag == "" {
		t.Fatalf("%q, %v", etag, err)
	}
	changed, err := c.UpdateUser(ctx, org.ID, seen[0].ID, grove.UpdateUserRequest{GivenName: nullable.NewNullNullable[string]()}, grove.IfMatch(etag))
	if err != nil || changed.GivenName != nil && *changed.GivenName != "" {
		t.Errorf("the name is still there: %+v, %v", changed, err)
	}
	var p *grove.Problem
	_, err = c.UpdateUser(ctx, org.ID, seen[0].ID, grove.UpdateUserRequest{GivenName: nullable.NewNullableWithValue("Al")}, grove.IfMatch(etag))
	if !errors.As(err, &p) || p.Code != "resource.stale" || p.Status != http.StatusPreconditionFailed {
		t.Errorf("a stale change: %v", err)
	}
	if _, err := c.GetUser(ctx, "root", seen[0].ID); !errors.As(err, &p) || p.Code != "resource.not_found" {
		t.Errorf("another organization's user: %v", err)
	}
	if err := c.DeleteUser(ctx, org.ID, seen[0].ID, nil); err != nil {
		t.Error(err)
	}
}
