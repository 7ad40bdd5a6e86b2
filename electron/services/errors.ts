/** What the layers above the services need of errors, so that they need not know the admin layer. */
export { AdminError as ServiceError, toAppError } from '../admin/errors.ts';
