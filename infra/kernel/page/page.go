// Package page holds the shapes of paged lists. Every list of the product is paged from its first day, by cursor.
package page

// Bounds of page_size.
const (
	DefaultSize = 50
	MaxSize     = 200
)

// Request asks for one page: at most Size items that follow the position After.
// After is nil for the first page; its parts are the values of the list's ordering columns.
type Request struct {
	Size  int
	After []string
}

// Limit is the number of rows to read: one more than the page holds, which tells whether another page follows.
func (r Request) Limit() int { return r.Size + 1 }

// Part returns part i of the position, "" on the first page.
func (r Request) Part(i int) string {
	if i < len(r.After) {
		return r.After[i]
	}
	return ""
}

// First reports whether the request is for the first page.
func (r Request) First() bool { return len(r.After) == 0 }

// Result is one page and the position that the next one starts after; Next is nil on the last page.
type Result[T any] struct {
	Items []T
	Next  []string
}

// Cut makes a page of rows that were read with Limit; position gives the ordering values of a row.
func Cut[T any](r Request, rows []T, position func(T) []string) Result[T] {
	if len(rows) <= r.Size {
		return Result[T]{Items: rows}
	}
	rows = rows[:r.Size]
	return Result[T]{Items: rows, Next: position(rows[len(rows)-1])}
}

// Map turns a page of rows into a page of something else.
func Map[T, U any](r Result[T], f func(T) U) Result[U] {
	out := make([]U, len(r.Items))
	for i, item := range r.Items {
		out[i] = f(item)
	}
	return Result[U]{Items: out, Next: r.Next}
}

// Of is the body of a list response.
type Of[T any] struct {
	Items         []T    `json:"items" maxItems:"200" doc:"The page's items, in the list's order."`
	NextPageToken string `json:"next_page_token,omitempty" doc:"Opaque token for the next page; absent on the last page." example:"b3BhcXVl"`
}
