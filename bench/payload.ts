// The error that is posted: about 600 bytes, as an error tracker's clients send them.

/** The JSON of error number `index`. */
export function errorPayload(index: number): string {
  return JSON.stringify({
    message: `Cannot read properties of undefined (reading 'total') of order ${index}`,
    level: 'error',
    environment: 'production',
    release: 'shop@4.12.0',
    timestamp: new Date().toISOString(),
    error: {
      type: 'TypeError',
      stack: [
        "TypeError: Cannot read properties of undefined (reading 'total')",
        '    at Checkout.total (/app/src/checkout/checkout.ts:118:27)',
        '    at Checkout.submit (/app/src/checkout/checkout.ts:64:19)',
        '    at async OrderController.create (/app/src/orders/controller.ts:31:5)',
      ].join('\n'),
    },
    tags: { region: 'eu-west-1', browser: 'Firefox 141' },
    user: { id: `u_${index % 1_000}` },
  });
}
