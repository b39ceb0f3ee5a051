// What Node knows of the machine is not known without it.
export const networkInterfaces = (): undefined => undefined;
