/** Errors for the layers above the services, which must not import the admin layer. */
export { AdminError as ServiceError, toAppError } from '../admin/errors.ts';
