import { PageQuery } from "../../../contract/list.ts";
import { checkLimits, pageLimits } from "../../rigs/limit-tables.ts";

checkLimits("PageQuery", PageQuery, pageLimits);
