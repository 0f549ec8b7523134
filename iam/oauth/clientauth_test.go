package oauth

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"grove/iam/apps"
	"grove/infra/secrets"
)

func basic(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers            []string
		form               params
		id, secret, method string
		code               string
	}{
		"none":                    {form: params{{"client_id", "a"}}, id: "a", method: apps.AuthNone},
		"post":                    {form: params{{"client_id", "a"}, {"client_secret", "s"}}, id: "a", secret: "s", method: apps.AuthPost},
		"basic":                   {headers: []string{basic("a:s")}, id: "a", secret: "s", method: apps.AuthBasic},
		"basic, encoded":          {headers: []string{basic("a%3Ab:s%20+%2B")}, id: "a:b", secret: "s  +", method: apps.AuthBasic},
		"basic, colon in secret":  {headers: []string{basic("a:s:t")}, id: "a", secret: "s:t", method: apps.AuthBasic},
		"basic and same id":       {headers: []string{basic("a:s")}, form: params{{"client_id", "a"}}, id: "a", secret: "s", method: apps.AuthBasic},
		"basic, other case":       {headers: []string{"bAsIc " + base64.StdEncoding.EncodeToString([]byte("a:s"))}, id: "a", secret: "s", method: apps.AuthBasic},
		"basic and other id":      {headers: []string{basic("a:s")}, form: params{{"client_id", "b"}}, code: codeInvalidRequest},
		"basic and post":          {headers: []string{basic("a:s")}, form: params{{"client_id", "a"}, {"client_secret", "s"}}, code: codeInvalidRequest},
		"two headers":             {headers: []string{basic("a:s"), basic("b:t")}, code: codeInvalidRequest},
		"nothing":                 {code: codeInvalidClient},
		"only a secret":           {form: params{{"client_secret", "s"}}, code: codeInvalidClient},
		"bearer":                  {headers: []string{"Bearer abc"}, code: codeInvalidClient},
		"basic without secret":    {headers: []string{basic("a:")}, code: codeInvalidClient},
		"basic without id":        {headers: []string{basic(":s")}, code: codeInvalidClient},
		"basic without colon":     {headers: []string{basic("as")}, code: codeInvalidClient},
		"basic, not base64":       {headers: []string{"Basic !!!"}, code: codeInvalidClient},
		"basic, bad escape":       {headers: []string{basic("a%zz:s")}, code: codeInvalidClient},
		"basic, empty":            {headers: []string{"Basic "}, code: codeInvalidClient},
		"header of nothing":       {headers: []string{""}, code: codeInvalidClient},
		"assertion beside secret": {headers: []string{basic("a:s")}, form: params{{"client_assertion_type", "x"}}, code: codeInvalidRequest},
		"assertion of no type":    {form: params{{"client_assertion", "x.y.z"}}, code: codeInvalidClient},
		"assertion of other type": {form: params{{"client_assertion", "x.y.z"}, {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}}, code: codeInvalidClient},
		"assertion of no JWT":     {form: params{{"client_assertion", "x"}, {"client_assertion_type", assertionType}}, code: codeInvalidClient},
		"assertion and post":      {form: params{{"client_assertion", "x.y.z"}, {"client_assertion_type", assertionType}, {"client_secret", "s"}}, code: codeInvalidRequest},
	} {
		r := httptest.NewRequest("POST", "/oauth2/token", nil)
		for _, h := range c.headers {
			r.Header.Add("Authorization", h)
		}
		got, err := readCredentials(r, c.form)
		var refused *protocolError
		errors.As(err, &refused)
		switch {
		case c.code != "" && (refused == nil || refused.code != c.code):
			t.Errorf("%s: %v, want %s", name, err, c.code)
		case c.code == "" && (err != nil || got != credentials{clientID: c.id, secret: c.secret, method: c.method}):
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestSecretMatches(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	old, oldHash := secrets.NewToken("grv_cs")
	current, currentHash := secrets.NewToken("grv_cs")
	client := apps.Client{SecretHashes: []apps.SecretHash{{Hash: oldHash, ExpiresAt: now}, {Hash: currentHash}}}
	if !secretMatches(client, current, now) || !secretMatches(client, old, now.Add(-time.Second)) {
		t.Error("a good secret was refused")
	}
	for name, s := range map[string]string{"expired": old, "empty": "", "truncated": current[:len(current)-1], "hash": string(currentHash)} {
		if secretMatches(client, s, now) {
			t.Errorf("%s: accepted", name)
		}
	}
	if secretMatches(apps.Client{}, "", now) || secretMatches(apps.Client{SecretHashes: []apps.SecretHash{{}}}, "", now) {
		t.Error("a client without a secret was matched")
	}
}
