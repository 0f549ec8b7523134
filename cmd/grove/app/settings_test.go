package app

import (
	"encoding/json"
	"os"
	"testing"

	"grove/tenants/settings"
)

// TestSettingsHaveLabels: the console makes its page of settings from their schemas; what it calls them is in its catalogue of texts.
func TestSettingsHaveLabels(t *testing.T) {
	raw, err := os.ReadFile("../../../frontend/ui/i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts struct {
		Setting map[string]map[string]any `json:"setting"`
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	for _, g := range settings.Groups() {
		labels := texts.Setting[g.Name]
		if labels["name"] == nil {
			t.Errorf("setting.%s.name has no text", g.Name)
		}
		for _, f := range g.Fields {
			if labels[f.Name] == nil {
				t.Errorf("setting.%s.%s has no text", g.Name, f.Name)
			}
		}
		if len(labels) != len(g.Fields)+1 {
			t.Errorf("setting.%s has texts of no field", g.Name)
		}
	}
	if len(texts.Setting) != len(settings.Groups()) {
		t.Error("setting has texts of no module")
	}
}
