package app

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"grove/frontend/login"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	tenantdir "grove/tenants/directory"
)

// setupPath is the page of the first set-up.
const setupPath = "/setup"

// maxSetupForm is far above the longest form.
const maxSetupForm = 16 << 10

// OfferSetup opens the page of the first set-up and writes its token to out, where there is neither a tenant nor an operator's
// key, so that nobody could found one but by a command on this machine. The token never goes to the log.
func (a *App) OfferSetup(ctx context.Context, out io.Writer) error {
	if !a.Config.PlatformKey.IsZero() {
		return nil
	}
	token, until, err := a.Parts.Tenants.OfferSetup(ctx, a.root)
	if err != nil || token == "" {
		return err
	}
	a.setup.Store(true)
	_, err = fmt.Fprintf(out, "\nThere is no tenant yet. Open %s%s and give this token, which is good once and until %s:\n\n    %s\n\n",
		a.Config.BaseURL, setupPath, until.UTC().Format("15:04 UTC"), token)
	return err
}

// setupForm is what the page asks for. The token and the password are never shown again.
type setupForm struct {
	Email, Handle, Name, Password, Token string

	Problem string
	Done    string // where the administrator signs in, once the tenant is there
}

// showSetup shows the form while a token is good for something; else there is nothing under this address.
func (a *App) showSetup(w http.ResponseWriter, r *http.Request) {
	if !a.setupOpen(w, r) {
		return
	}
	writeSetup(w, http.StatusOK, setupForm{})
}

// takeSetup founds the first tenant. The token is the proof: a stranger's page does not know it, so the form needs no other.
func (a *App) takeSetup(w http.ResponseWriter, r *http.Request) {
	if !a.setupOpen(w, r) {
		return
	}
	f, err := readSetup(w, r)
	if err != nil {
		writeSetup(w, http.StatusBadRequest, setupForm{Problem: "The form cannot be read."})
		return
	}
	made, err := a.Parts.Tenants.SetUp(r.Context(), f.Token, tenantdir.CreateTenant{Handle: f.Handle, Name: f.Name,
		Admin: tenantdir.Admin{Email: f.Email, Password: f.Password}})
	if err == nil {
		writeSetup(w, http.StatusCreated, setupForm{Name: made.Name, Done: a.Parts.Tenants.Base(made.Handle) + "/console"})
		return
	}
	var refused *fault.Error
	if db.IsBusy(err) || db.IsUnavailable(err) {
		err = fault.CodeUnavailable.With("The database does not answer; try again.", err)
	}
	if !errors.As(err, &refused) || refused.Code.Kind == fault.Internal {
		a.Log.ErrorContext(r.Context(), "the first set-up failed", "error", err)
		f.Problem = "Something went wrong here. The log says what."
		writeSetup(w, http.StatusInternalServerError, f)
		return
	}
	f.Problem = refused.Code.Title + ". " + refused.Detail
	for _, field := range refused.Fields {
		f.Problem += " " + strings.TrimPrefix(strings.TrimPrefix(field.Pointer, "/"), "admin/") + ": " + field.Detail + "."
	}
	writeSetup(w, refused.Code.Kind.Status(), f)
}

// setupOpen answers as any unknown address does where there is nothing to set up. A process that has not offered a token asks
// nobody.
func (a *App) setupOpen(w http.ResponseWriter, r *http.Request) bool {
	open := a.setup.Load()
	if open {
		var err error
		if open, err = a.Parts.Tenants.SetupOpen(r.Context()); err != nil {
			httpapi.WriteProblem(w, r, a.Log, err)
			return false
		}
	}
	if !open {
		httpapi.WriteProblem(w, r, a.Log, fault.ErrNotFound)
	}
	return open
}

var errSetupForm = errors.New("app: the form of the first set-up cannot be read")

func readSetup(w http.ResponseWriter, r *http.Request) (f setupForm, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return f, errSetupForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSetupForm))
	if err != nil {
		return f, errSetupForm
	}
	in, err := url.ParseQuery(string(body))
	if err != nil {
		return f, errSetupForm
	}
	for name, into := range map[string]*string{"email": &f.Email, "handle": &f.Handle, "name": &f.Name, "password": &f.Password, "token": &f.Token} {
		if len(in[name]) != 1 {
			return f, errSetupForm
		}
		*into = in[name][0]
	}
	f.Email, f.Handle, f.Name, f.Token = strings.TrimSpace(f.Email), strings.TrimSpace(f.Handle), strings.TrimSpace(f.Name), strings.TrimSpace(f.Token)
	return f, nil
}

func writeSetup(w http.ResponseWriter, status int, f setupForm) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = setupTemplate.Execute(w, struct {
		setupForm
		Path, Stylesheet string
	}{f, setupPath, login.StylesheetPath})
}

//go:embed setup.html
var setupPage string

var setupTemplate = template.Must(template.New("setup").Parse(setupPage))
