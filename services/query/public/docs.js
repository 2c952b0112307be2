/* global SwaggerUIBundle */
SwaggerUIBundle({
  dom_id: '#swagger-ui',
  url: '/openapi.json',
  deepLinking: true,
  // the public validator would be told the address of this page
  validatorUrl: null,
});
