package oauth

import "net/http"

// plainPages are the pages of a program that has no others.
type plainPages struct{}

func (plainPages) ErrorPage(w http.ResponseWriter, _ *http.Request, code, description string) {
	plain(w, http.StatusBadRequest, code+"\n"+description+"\n")
}

func (plainPages) SignedOutPage(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "Signed out.\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	noStore(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// errorPage ends a request that nobody but the person can be told about.
func (s *Service) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProtocolError(r.Context(), err)
	s.Pages.ErrorPage(w, r, p.code, p.description)
}
