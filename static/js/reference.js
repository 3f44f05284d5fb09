/* The page of the API: Swagger UI on our own schema. Nothing is fetched from another host, and no address can name another schema. */

const place = document.getElementById("reference");
const dark = matchMedia("(prefers-color-scheme: dark)");

function followScheme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

followScheme();
dark.addEventListener("change", followScheme);

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  queryConfigEnabled: false,
  // Only the token that somebody gives it counts: a try is never made in the name of whoever is signed in.
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
  validatorUrl: null,
});
