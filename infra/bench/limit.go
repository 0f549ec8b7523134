package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// limit serves the limit handlers: each does only what its operation cannot do without, parse, one signature, one
// statement, with nothing around it. It prints its address and serves until its standard input ends.
func limit(ctx context.Context, databaseURL string) error {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	es256 := func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		r, s, _ := ecdsa.Sign(rand.Reader, ec, sum[:])
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
	rs256 := func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		out, _ := rsa.SignPKCS1v15(rand.Reader, rs, crypto.SHA256, sum[:])
		return out
	}
	token := func(alg string, sign func([]byte) []byte) http.HandlerFunc {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","kid":"bench","typ":"at+jwt"}`))
		return func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") == "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			now := time.Now().Unix()
			claims := []byte(`{"iss":"http://127.0.0.1:8080/t/acme","sub":"client","aud":"urn:grove:api","client_id":"client","scope":"orgs.read","exp":` +
				strconv.FormatInt(now+900, 10) + `,"iat":` + strconv.FormatInt(now, 10) + `,"jti":"` + rand.Text() + `"}`)
			signed := header + "." + base64.RawURLEncoding.EncodeToString(claims)
			jwt := signed + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(signed)))
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":900,"scope":"orgs.read"}`, jwt)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /es256", token("ES256", es256))
	mux.HandleFunc("POST /rs256", token("RS256", rs256))
	mux.HandleFunc("GET /static", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"keys":[]}`))
	})
	mux.HandleFunc("/select", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		var n int
		if err := pool.QueryRow(r.Context(), `SELECT 1 FROM pg_class WHERE oid = 1259`).Scan(&n); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"active":true}`))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _, _ = os.Stdin.Read(make([]byte, 1)); _ = server.Close() }()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
