package oauth

import (
	"strings"
	"testing"

	"grove/iam/apps"
)

// The example of RFC 7636, appendix B.
const (
	rfcVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestVerifierVector(t *testing.T) {
	t.Parallel()
	if !verifierMatches(rfcVerifier, rfcChallenge) {
		t.Error("the vector of RFC 7636, appendix B, does not match")
	}
}

func TestAttack18_Verifier(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ verifier, challenge string }{
		"another verifier":           {strings.Repeat("a", 43), rfcChallenge},
		"challenge as verifier":      {rfcChallenge, rfcChallenge},
		"plain":                      {rfcVerifier, rfcVerifier},
		"no verifier":                {"", rfcChallenge},
		"verifier without challenge": {rfcVerifier, ""},
		"too short":                  {rfcVerifier[:42], rfcChallenge},
		"too long":                   {strings.Repeat("a", 129), rfcChallenge},
		"padding":                    {rfcVerifier, rfcChallenge + "="},
		"other characters":           {rfcVerifier[:42] + "+", rfcChallenge},
		"space behind":               {rfcVerifier + " ", rfcChallenge},
	} {
		if verifierMatches(c.verifier, c.challenge) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAttack18_Challenge(t *testing.T) {
	t.Parallel()
	if got, err := readChallenge(rfcChallenge, "S256", apps.Settings{}); err != nil || got != rfcChallenge {
		t.Errorf("good challenge: %q, %v", got, err)
	}
	for name, c := range map[string]struct{ challenge, method string }{
		"left out":        {"", ""},
		"only a method":   {"", "S256"},
		"plain":           {rfcChallenge, "plain"},
		"method left out": {rfcChallenge, ""},
		"other case":      {rfcChallenge, "s256"},
		"S512":            {rfcChallenge, "S512"},
		"too short":       {rfcChallenge[:42], "S256"},
		"too long":        {rfcChallenge + "A", "S256"},
		"padded":          {rfcChallenge + "=", "S256"},
		"not base64url":   {strings.Replace(rfcChallenge, "-", "+", 1), "S256"},
		"trailing bits":   {rfcChallenge[:42] + "N", "S256"},
		"a line break":    {rfcChallenge[:42] + "\n", "S256"},
	} {
		if _, err := readChallenge(c.challenge, c.method, apps.Settings{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestAttack18_Allowances: each weakens only what it names.
func TestAttack18_Allowances(t *testing.T) {
	t.Parallel()
	plain, optional := apps.Settings{PKCEPlain: true}, apps.Settings{PKCEOptional: true}
	for name, c := range map[string]struct {
		challenge, method string
		allowed           apps.Settings
		bound             string // "refused", or what the code is bound to
	}{
		"plain":                     {rfcVerifier, "plain", plain, rfcChallenge},
		"plain without its name":    {rfcVerifier, "", plain, rfcChallenge},
		"plain, too short":          {rfcVerifier[:42], "plain", plain, "refused"},
		"S256 where plain is taken": {rfcChallenge, "S256", plain, rfcChallenge},
		"plain app without PKCE":    {"", "", plain, "refused"},
		"left out":                  {"", "", optional, ""},
		"only a method":             {"", "S256", optional, "refused"},
		"plain where it is not":     {rfcVerifier, "plain", optional, "refused"},
		"S256 though optional":      {rfcChallenge, "S256", optional, rfcChallenge},
	} {
		got, err := readChallenge(c.challenge, c.method, c.allowed)
		if refused := err != nil; refused != (c.bound == "refused") || !refused && got != c.bound {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if !verifierMatches("", "") {
		t.Error("a code without a challenge is not redeemed without a verifier")
	}
}
