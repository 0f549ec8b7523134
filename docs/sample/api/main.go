// Command api is a sample API that accepts Grove's access tokens. It validates them offline, by the issuer's published keys
// (RFC 9068), with the stock library coreos/go-oidc, and lets each organization see its own notes only.
//
//	ISSUER=http://127.0.0.1:8080/t/acme AUDIENCE=https://notes.example SCOPE=notes.read go run ./docs/sample/api
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

type claims struct {
	Org    string   `json:"org_id"`
	Handle string   `json:"org_handle"`
	Roles  []string `json:"roles"`
	Scope  string   `json:"scope"`
}

func main() {
	addr, scope := env("ADDR", "127.0.0.1:8091"), env("SCOPE", "notes.read")
	provider, err := oidc.NewProvider(context.Background(), env("ISSUER", "http://127.0.0.1:8080/t/acme"))
	if err != nil {
		log.Fatal(err)
	}
	// go-oidc checks issuer, audience, expiry and signature; an access token has the API's identifier as its audience.
	verifier := provider.Verifier(&oidc.Config{ClientID: env("AUDIENCE", "https://notes.example"), SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /notes", func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		token, err := verifier.Verify(r.Context(), raw)
		if !ok || err != nil || !isAccessToken(raw) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "a good access token is needed", http.StatusUnauthorized)
			return
		}
		var c claims
		if err := token.Claims(&c); err != nil || !slices.Contains(strings.Fields(c.Scope), scope) {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`)
			http.Error(w, "the scope "+scope+" is needed", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"organization": c.Handle, "organization_id": c.Org, "subject": token.Subject, "roles": c.Roles,
			"notes": []string{"Only " + c.Handle + " sees this note."}})
	})
	// Browsers ask first. Whoever has a token may call from any page: nothing here rests on cookies.
	mux.HandleFunc("OPTIONS /notes", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Headers", "Authorization")
		w.WriteHeader(http.StatusNoContent)
	})
	log.Printf("sample API on http://%s", addr)
	server := &http.Server{Addr: addr, Handler: anyOrigin(mux), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next.ServeHTTP(w, r)
	})
}

// isAccessToken keeps an ID token out: the header's typ says what a token is (RFC 9068, section 2.1).
func isAccessToken(raw string) bool {
	header, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	var h struct {
		Typ string `json:"typ"`
	}
	return err == nil && json.Unmarshal(decoded, &h) == nil && h.Typ == "at+jwt"
}
