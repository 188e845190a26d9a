export { CommandError } from "../../command/errors.ts";
