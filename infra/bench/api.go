package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// api is the management client's way to prepare what is measured.
type api struct {
	g     *grove
	token string
}

// credentials of the Authorization header (RFC 6749, section 2.3.1).
func credentials(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// clientToken gets a token of the management client with every scope.
func clientToken(ctx context.Context, g *grove) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err := postForm(ctx, g.BaseURL+g.path("/oauth2/token"), credentials(g.ClientID, g.ClientSecret),
		url.Values{"grant_type": {"client_credentials"}}, &answer)
	return answer.AccessToken, err
}

func postForm(ctx context.Context, address, authorization string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", authorization)
	return exchangeJSON(r, into)
}

// call calls the management API below /v1.
func (a api) call(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.g.BaseURL+a.g.path("/v1"+path), content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	} else if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return exchangeJSON(r, into)
}

func exchangeJSON(r *http.Request, into any) error {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: status %d: %.500s", r.Method, r.URL.Path, resp.StatusCode, body)
	}
	return json.Unmarshal(body, into)
}
