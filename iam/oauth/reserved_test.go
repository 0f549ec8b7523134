package oauth

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/iam/attributes"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// TestClaimsOfAccessTokensAreReserved: what access tokens say by themselves, and what is read from one, no attribute can say.
func TestClaimsOfAccessTokensAreReserved(t *testing.T) {
	t.Parallel()
	p := &person{grant: grant{ID: ids.NewGrant(), User: ids.NewUser(), Session: ids.NewSession(), SessionOrg: ids.NewOrg(), AMR: []string{"pwd"}, AuthTime: time.Now(), ReadOnly: true, Impersonator: ids.NewUser(), narrowed: true}, named: true, roles: []string{"r"}}
	a := accessClaims{issuer: "i", client: apps.Client{ClientID: "c"}, org: httpapi.Org{ID: ids.NewOrg(), Handle: "h", Name: "n"}, bound: binding{jkt: "j", x5t: "x"}, act: json.RawMessage(`{}`), person: p,
		exchange: exchangedFor{origins: []ids.App{ids.NewApp()}, tokens: []ids.AccessToken{ids.NewAccessToken()}}}
	asserted := a
	asserted.person = &person{grant: grant{ID: ids.NewGrant(), User: ids.NewUser(), Connection: ids.NewConnection()}}
	names := map[string]bool{}
	for _, raw := range [][]byte{a.render(ids.NewAccessToken(), 1, 2), asserted.render(ids.NewAccessToken(), 1, 2)} {
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			names[name] = true
		}
	}
	source, err := os.ReadFile("accesstoken.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, read := range regexp.MustCompile(`c\.(?:Get|Text)\("([^"]+)"\)|parse(?:Into|List)\(c, "([^"]+)"`).FindAllSubmatch(source, -1) {
		names[string(read[1])+string(read[2])] = true
	}
	if len(names) < 25 {
		t.Fatalf("only %v", names)
	}
	for name := range names {
		if !attributes.Reserved(name) {
			t.Errorf("an attribute can be told as %s", name)
		}
	}
}
