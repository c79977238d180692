package deploytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
)

// The modules that the schemas come with; nothing of them is compiled. The first has what Kubernetes 1.30 says of itself.
const (
	kubernetesSchemas = "sigs.k8s.io/kubectl-validate@v0.0.4"
	kedaSchemas       = "github.com/kedacore/keda/v2@v2.16.1"
	operatorSchemas   = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

var schemaFiles = map[string][]string{
	kubernetesSchemas: {
		"pkg/openapiclient/builtins/1.30/api/v1.json", "pkg/openapiclient/builtins/1.30/apis/apps/v1.json",
		"pkg/openapiclient/builtins/1.30/apis/networking.k8s.io/v1.json", "pkg/openapiclient/builtins/1.30/apis/policy/v1.json",
	},
	kedaSchemas: {"config/crd/bases/keda.sh_scaledobjects.yaml"},
	operatorSchemas: {
		"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
	},
}

// schemas are those of kinds, by their apiVersion and kind.
type schemas map[string]*openapi3.Schema

func loadSchemas(t *testing.T) schemas {
	t.Helper()
	all := schemas{}
	for module, files := range schemaFiles {
		folder := moduleFolder(t, module)
		for _, f := range files {
			read := all.addAPI
			if filepath.Ext(f) == ".yaml" {
				read = all.addCustom
			}
			if err := read(filepath.Join(folder, f)); err != nil {
				t.Fatalf("%s of %s: %v", f, module, err)
			}
		}
	}
	return all
}

// moduleFolder fetches a module.
func moduleFolder(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	var is struct{ Dir, Error string }
	if err := errors.Join(err, json.Unmarshal(out, &is)); err != nil {
		t.Fatalf("%s can not be fetched: %v %s", module, err, is.Error)
	}
	return is.Dir
}

// addAPI adds the kinds of an API group as its server describes them.
func (all schemas) addAPI(path string) error {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(path)
	if err != nil {
		return err
	}
	for _, s := range doc.Components.Schemas {
		kinds, _ := s.Value.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, k := range kinds {
			k, _ := k.(map[string]any)
			version := strings.TrimPrefix(fmt.Sprint(k["group"], "/", k["version"]), "/")
			all[version+" "+fmt.Sprint(k["kind"])] = s.Value
		}
		closeOff(s.Value)
	}
	return nil
}

// addCustom adds the kind of a CustomResourceDefinition.
func (all schemas) addCustom(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema *openapi3.Schema }
			}
		}
	}
	if err := json.Unmarshal(asJSON, &crd); err != nil {
		return err
	}
	for _, v := range crd.Spec.Versions {
		closeOff(v.Schema.OpenAPIV3Schema)
		all[crd.Spec.Group+"/"+v.Name+" "+crd.Spec.Names.Kind] = v.Schema.OpenAPIV3Schema
	}
	return nil
}

// closeOff has a schema refuse properties that it does not name: a server drops them, which is seldom what was meant.
func closeOff(s *openapi3.Schema) {
	open := s.Extensions["x-kubernetes-preserve-unknown-fields"] == true
	if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil && !open {
		no := false
		s.AdditionalProperties.Has = &no
	}
	for name, p := range s.Properties {
		s.Properties[name] = sole(p)
		if s.Properties[name].Ref == "" {
			closeOff(s.Properties[name].Value)
		}
	}
	if s.Items != nil {
		if s.Items = sole(s.Items); s.Items.Ref == "" {
			closeOff(s.Items.Value)
		}
	}
	if more := s.AdditionalProperties.Schema; more != nil {
		if s.AdditionalProperties.Schema = sole(more); s.AdditionalProperties.Schema.Ref == "" {
			closeOff(s.AdditionalProperties.Schema.Value)
		}
	}
}

// sole is the schema that another one only wraps, to describe it: errors within it say more.
func sole(s *openapi3.SchemaRef) *openapi3.SchemaRef {
	if len(s.Value.AllOf) == 1 && len(s.Value.Properties) == 0 {
		return s.Value.AllOf[0]
	}
	return s
}

// problems says what a server would refuse, or pass over.
func (all schemas) problems(objects []object) (wrong []string) {
	for _, o := range objects {
		schema, known := all[o.APIVersion+" "+o.Kind]
		if !known {
			wrong = append(wrong, fmt.Sprintf("%s: %s %s is not known", o, o.APIVersion, o.Kind))
			continue
		}
		if err := schema.VisitJSON(o.raw, openapi3.MultiErrors(), openapi3.SetSchemaErrorMessageCustomizer(brief)); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", o, err))
		}
	}
	return wrong
}

// brief says where and what, without the schema.
func brief(err *openapi3.SchemaError) string {
	return "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
}
