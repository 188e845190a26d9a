export { maskedHead, maskedUrl } from "../../command/mask.ts";
