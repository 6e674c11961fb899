import { ApiError, explain } from "@/api/errors";
import classes from "./FormError.module.css";

interface Props {
  error: unknown;
  /** Fields that show their own part of the error. */
  fields?: readonly string[];
}

/** Why a form was refused, unless its fields say it already. */
export function FormError({ error, fields = [] }: Props) {
  if (error === null || error === undefined) return null;
  const details = error instanceof ApiError ? error.details : [];
  const said = details.length > 0 && details.every(({ field }) => field !== null && fields.includes(field));
  return said ? null : (
    <p role="alert" className={classes["error"]}>
      {explain(error)}
    </p>
  );
}
