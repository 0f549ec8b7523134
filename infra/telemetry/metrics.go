package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the program's Prometheus metrics. Labels come from fixed sets: a route is its pattern, never its path.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// PoolStats are what a connection pool tells of itself.
type PoolStats struct{ Acquired, Idle, Max int32 }

// NewMetrics makes the metrics; pool is asked at each scrape.
func NewMetrics(pool func() PoolStats) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grove_http_request_seconds", Help: "Time to answer a request, by method, route pattern and status class.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"method", "route", "status"})}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, read func(PoolStats) int32) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(read(pool())) }))
	}
	gauge("grove_db_connections_acquired", "Database connections in use.", func(s PoolStats) int32 { return s.Acquired })
	gauge("grove_db_connections_idle", "Database connections that wait for work.", func(s PoolStats) int32 { return s.Idle })
	gauge("grove_db_connections_max", "Database connections that may be open.", func(s PoolStats) int32 { return s.Max })
	return m
}

var methods = map[string]bool{"DELETE": true, "GET": true, "HEAD": true, "OPTIONS": true, "PATCH": true, "POST": true, "PUT": true}

// Observe counts one request. A method that is none of HTTP's own is counted as "other".
func (m *Metrics) Observe(method, route string, status int, took time.Duration) {
	if !methods[method] {
		method = "other"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
