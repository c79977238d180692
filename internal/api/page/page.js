"use strict";

const element = (name, attributes = {}, ...children) => {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
};

const field = (id, label, help, control) => {
  control.id = id;
  const parts = [element("label", { for: id }, label), control];
  if (help) {
    control.setAttribute("aria-describedby", id + "-help");
    parts.push(element("small", { id: id + "-help" }, help));
  }
  return element("div", { class: "field" }, ...parts);
};

function control(parameter) {
  const { enum: values, type, default: preset } = parameter.schema;
  const choices = values || (type === "boolean" ? ["false", "true"] : null);
  if (!choices) return element("input", { spellcheck: "false", autocomplete: "off", ...(parameter.required && { required: "" }) });
  return element("select", {}, ...choices.map((c) => element("option", c === String(preset ?? "false") ? { selected: "" } : {}, c)));
}

function preset(operation) {
  const [kind, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!kind) return {};
  const lines = kind.includes("ndjson");
  return { kind, text: JSON.stringify(media.example, null, lines ? 0 : 2) + (lines ? "\n" : "") };
}

function address(path, inputs) {
  const query = new URLSearchParams();
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") path = path.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    else if (input.value && input.value !== String(parameter.schema.default ?? "false")) query.set(parameter.name, input.value);
  }
  return query.size ? path + "?" + query : path;
}

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // lines, or nothing
  }
};

// send shows the answer while it comes: a batch is answered line by line.
async function send(method, url, kind, body, status, out) {
  const headers = {};
  const token = document.getElementById("token").value;
  if (token) headers.Authorization = "Bearer " + token;
  if (body) headers["Content-Type"] = kind;
  status.textContent = method + " " + url + " …";
  out.textContent = "";
  const begun = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: body || undefined, cache: "no-store" });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part; !(part = await reader.read()).done; ) out.textContent = text += part.value;
    out.textContent = pretty(text);
    const extra = ["Location", "Retry-After"].filter((h) => response.headers.get(h)).map((h) => "\n" + h + ": " + response.headers.get(h));
    status.textContent = response.status + " " + response.statusText + ", " + Math.round(performance.now() - begun) + " ms" + extra.join("");
  } catch (problem) {
    status.textContent = "No answer: " + problem.message;
  }
}

function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, r]) => element("tr", {}, element("th", { scope: "row" }, status), element("td", {}, r.description)));
  return element("details", { class: "answers" }, element("summary", {}, "Answers"), element("table", {}, element("tbody", {}, ...rows)));
}

function show(path, method, operation) {
  const id = operation.operationId;
  const inputs = (operation.parameters ?? []).map((parameter) => ({ parameter, input: control(parameter) }));
  const form = element("form", {});
  for (const { parameter: p, input } of inputs) form.append(field(id + "-" + p.name, p.name, p.description, input));
  const { kind, text } = preset(operation);
  const body = element("textarea", { rows: "12", spellcheck: "false" });
  if (kind) {
    body.value = text;
    form.append(field(id + "-body", "Body (" + kind + ")", operation.requestBody.description, body));
  }
  const button = element("button", {}, "Send");
  const status = element("p", { class: "status", role: "status" });
  const out = element("pre", { tabindex: "0", "aria-label": "Answer to " + operation.summary });
  form.append(button, status, out);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send(method, address(path, inputs), kind, body.value, status, out);
    button.disabled = false;
  });
  return element("details", { class: "operation", id },
    element("summary", {}, element("b", { class: method.toLowerCase() }, method), " ", element("code", {}, path), " ", element("span", {}, operation.summary)),
    element("p", {}, operation.description ?? ""), form, answers(operation));
}

async function main() {
  const root = document.getElementById("operations");
  try {
    const api = await (await fetch("/openapi.json")).json();
    document.getElementById("about").textContent = api.info.description;
    root.replaceChildren();
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, operation] of Object.entries(methods)) root.append(show(path, method.toUpperCase(), operation));
    document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
  } catch (problem) {
    root.textContent = "The description could not be loaded: " + problem.message;
  }
}

main();
