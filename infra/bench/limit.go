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
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// limitSchema is what the limit handlers read and write.
const limitSchema = `
	CREATE TABLE people (id uuid PRIMARY KEY, key text COLLATE "C" NOT NULL, email text NOT NULL, name text NOT NULL, created_at timestamptz NOT NULL);
	INSERT INTO people SELECT gen_random_uuid(), 'user' || lpad(i::text, 7, '0'), 'user' || i || '@example.com', 'User ' || i, now()
	FROM generate_series(1, 100000) i;
	CREATE UNIQUE INDEX people_key ON people (key);
	CREATE TABLE tokens (hash bytea PRIMARY KEY, subject text NOT NULL, expires_at timestamptz NOT NULL);
	ANALYZE`

// limit serves the limit handlers: each does only what its operation cannot do without, parse, one signature, one
// statement, with nothing around it. It prints its address and serves until its standard input ends.
func limit(ctx context.Context, databaseURL string) error {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	if err := tokenLimits(mux); err != nil {
		return err
	}
	mux.HandleFunc("GET /static", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"keys":[]}`))
	})
	databaseLimits(mux, pool)
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

// tokenLimits parse a form and sign a token.
func tokenLimits(mux *http.ServeMux) error {
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
	mux.HandleFunc("POST /es256", sign("ES256", es256))
	mux.HandleFunc("POST /rs256", sign("RS256", rs256))
	return nil
}

func sign(alg string, signature func([]byte) []byte) http.HandlerFunc {
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
		jwt := signed + "." + base64.RawURLEncoding.EncodeToString(signature([]byte(signed)))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":900,"scope":"orgs.read"}`, jwt)
	}
}

type limitPerson struct {
	ID        string    `json:"id" db:"id"`
	Key       string    `json:"username" db:"key"`
	Email     string    `json:"email" db:"email"`
	Name      string    `json:"name" db:"name"`
	CreatedAt time.Time `json:"created_at" db:"created_at"`
}

// databaseLimits parse a form and run one statement, or two in one round trip.
func databaseLimits(mux *http.ServeMux, pool *pgxpool.Pool) {
	reply := func(w http.ResponseWriter, body any, err error) {
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("/select", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		var n int
		err := pool.QueryRow(r.Context(), `SELECT 1 FROM pg_class WHERE oid = 1259`).Scan(&n)
		reply(w, map[string]bool{"active": true}, err)
	})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		rows, err := pool.Query(r.Context(), `SELECT id::text, key, email, name, created_at FROM people WHERE key > $1 ORDER BY key LIMIT $2`,
			r.URL.Query().Get("after"), size)
		if err != nil {
			reply(w, nil, err)
			return
		}
		people, err := pgx.CollectRows(rows, pgx.RowToStructByName[limitPerson])
		reply(w, people, err)
	})
	insert := func(b *pgx.Batch) {
		hash := sha256.Sum256([]byte(rand.Text()))
		b.Queue(`INSERT INTO tokens VALUES ($1, $2, $3)`, hash[:], "client", time.Now().Add(time.Hour))
	}
	mux.HandleFunc("POST /insert", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		b := &pgx.Batch{}
		insert(b)
		reply(w, map[string]bool{"done": true}, pool.SendBatch(r.Context(), b).Close())
	})
	signed, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the machine has no randomness
	}
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		hash := sha256.Sum256([]byte(r.PostForm.Get("refresh_token")))
		b := &pgx.Batch{}
		b.Queue(`DELETE FROM tokens WHERE hash = $1`, hash[:])
		insert(b)
		err := pool.SendBatch(r.Context(), b).Close()
		sum := sha256.Sum256(hash[:])
		signature, _ := ecdsa.SignASN1(rand.Reader, signed, sum[:])
		reply(w, map[string][]byte{"access_token": signature}, err)
	})
}
