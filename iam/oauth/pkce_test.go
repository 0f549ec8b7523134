package oauth

import (
	"strings"
	"testing"
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
		"neither":                    {"", ""},
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
	if err := checkChallenge(rfcChallenge, "S256"); err != nil {
		t.Errorf("good challenge: %v", err)
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
		if checkChallenge(c.challenge, c.method) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
